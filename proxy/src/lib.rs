//! Services and their endpoints as nf_tables state. Everything but [`kernel`] is pure.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`usable`] | which of a service's endpoints this node uses |
//! | [`weights`] | how many slots each of them gets |
//! | [`plan`] | a service as frontends and endpoints of each of its ports |
//! | [`slots`] | which slot an endpoint has, so that few change when one comes or goes |
//! | [`entry`] | an element of our maps and sets, small and comparable |
//! | [`layout`] | the table: its maps, sets, chains and rules |
//! | [`arrangement`] | all services as they are laid out, and what a change changes |
//! | [`changes`] | a difference, ready to be one transaction |
//! | [`kernel`] | reads the table back, carries differences out |

pub mod arrangement;
pub mod changes;
pub mod entry;
pub mod frontend;
pub mod kernel;
pub mod layout;
pub mod plan;
pub mod slots;
pub mod usable;
pub mod weights;

pub use arrangement::{Arrangement, Ranges};
pub use changes::Changes;
pub use frontend::Frontend;
pub use kernel::{Proxy, ProxyError};
pub use plan::{Node, ServicePlan};
