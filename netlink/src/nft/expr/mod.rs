//! The expressions that rules are made of.

pub(in crate::nft) mod attr;
mod encode;
mod fib;
mod keys;
mod load;
pub mod m;
mod register;
mod statement;

pub(in crate::nft) use self::encode::encode_all;
pub use self::fib::{AddressType, Fib, FibResult};
pub use self::keys::{CtKey, MetaKey, Tuple};
pub use self::load::{Header, Load};
pub use self::register::Register;
pub use self::statement::{
    Dynset, DynsetOp, Limit, LimitUnit, Log, Nat, NatKind, NfProto, PortRange, Reject, nat_flags,
};

use super::{Name, Value, Verdict};

/// One step of a rule. Registers carry values from one to the next; [`m`] has the usual sequences
/// ready-made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// Puts something about the packet into a register.
    Load(Load, Register),
    /// Ends the rule unless register and value compare so.
    Cmp(Register, CmpOp, Value),
    /// Ends the rule unless the register is in the range, or not in it, both ends included.
    Range {
        /// What is compared.
        register: Register,
        /// Outside the range in place of inside.
        inverted: bool,
        /// The lowest value inside.
        from: Value,
        /// The highest value inside.
        to: Value,
    },
    /// `to = (from & mask) ^ xor`.
    Bitwise {
        /// What is read.
        from: Register,
        /// What is written.
        to: Register,
        /// As long as the value.
        mask: Value,
        /// As long as the value.
        xor: Value,
    },
    /// Turns a number of 2 or 4 bytes from network to host byte order, or back.
    Byteorder {
        /// What is read.
        from: Register,
        /// What is written.
        to: Register,
        /// From host to network order in place of from network to host.
        to_network: bool,
        /// Bytes of each number, 2 or 4.
        size: u8,
        /// Bytes in all.
        length: u8,
    },
    /// Hashes `length` bytes of a register into `0..modulus` (`jhash`).
    Jhash {
        /// What is read.
        from: Register,
        /// Bytes of it.
        length: u8,
        /// Where the result goes, in the host's byte order.
        to: Register,
        /// The result is below this; at least 1.
        modulus: u32,
        /// A seed of one's own in place of the kernel's random one.
        seed: Option<u32>,
    },
    /// Looks a key up; ends the rule where it is absent (present, if inverted).
    Lookup {
        /// The set or map.
        set: Name,
        /// The key.
        key: Register,
        /// Where a map's value goes; [`Register::VERDICT`] carries a verdict out.
        data: Option<Register>,
        /// The rule goes on where the key is absent. Sets only.
        inverted: bool,
    },
    /// Puts a constant into a register.
    Immediate(Register, Value),
    /// Decides.
    Verdict(Verdict),
    /// Sets something about the packet.
    MetaSet(MetaKey, Register),
    /// Sets something about the connection.
    CtSet(CtKey, Register),
    /// Rewrites source or destination.
    Nat(Nat),
    /// Rewrites the source to the address of the device that the packet leaves by.
    Masquerade {
        /// See [`nat_flags`].
        flags: u32,
        /// Ports to choose from.
        ports: Option<PortRange>,
    },
    /// Rewrites the destination to this host.
    Redirect {
        /// See [`nat_flags`].
        flags: u32,
        /// Ports to choose from.
        ports: Option<PortRange>,
    },
    /// Drops the packet and tells its sender.
    Reject(Reject),
    /// Adds to, refreshes in or deletes from a set.
    Dynset(Dynset),
    /// Counts packets and bytes.
    Counter,
    /// Ends the rule beyond a rate.
    Limit(Limit),
    /// Writes the packet to the kernel log or to a listener.
    Log(Log),
    /// Keeps the packet out of connection tracking.
    Notrack,
}

impl Expr {
    /// The kernel's name of the expression.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Load(load, _) => load.expression(),
            Self::Cmp(..) => "cmp",
            Self::Range { .. } => "range",
            Self::Bitwise { .. } => "bitwise",
            Self::Byteorder { .. } => "byteorder",
            Self::Jhash { .. } => "hash",
            Self::Lookup { .. } => "lookup",
            Self::Immediate(..) | Self::Verdict(_) => "immediate",
            Self::MetaSet(..) => "meta",
            Self::CtSet(..) => "ct",
            Self::Nat(_) => "nat",
            Self::Masquerade { .. } => "masq",
            Self::Redirect { .. } => "redir",
            Self::Reject(_) => "reject",
            Self::Dynset(_) => "dynset",
            Self::Counter => "counter",
            Self::Limit(_) => "limit",
            Self::Log(_) => "log",
            Self::Notrack => "notrack",
        }
    }
}

impl From<Verdict> for Expr {
    fn from(verdict: Verdict) -> Self {
        Self::Verdict(verdict)
    }
}

/// An expression alone stands for the sequence of it, wherever a sequence is wanted.
impl IntoIterator for Expr {
    type Item = Self;
    type IntoIter = std::iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self)
    }
}

/// How a register and a value compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CmpOp {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`, byte by byte
    Lt,
    /// `<=`, byte by byte
    Le,
    /// `>`, byte by byte
    Gt,
    /// `>=`, byte by byte
    Ge,
}

impl CmpOp {
    const fn number(self) -> u32 {
        self as u32
    }
}
