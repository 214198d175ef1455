//! The numbers of `linux/netfilter/nfnetlink_conntrack.h` that this module uses, under the kernel's
//! names.

pub(super) const NFNL_SUBSYS_CTNETLINK: u16 = 1 << 8;
pub(super) const IPCTNL_MSG_CT_GET: u16 = 1;
pub(super) const IPCTNL_MSG_CT_DELETE: u16 = 2;
pub(super) const IPCTNL_MSG_CT_GET_STATS: u16 = 5;

pub(super) const NLM_F_REQUEST: u16 = 0x1;
pub(super) const NLM_F_ACK: u16 = 0x4;
pub(super) const NLM_F_DUMP: u16 = 0x300;

pub(super) const CTA_TUPLE_ORIG: u16 = 1;
pub(super) const CTA_TUPLE_REPLY: u16 = 2;
pub(super) const CTA_STATUS: u16 = 3;
pub(super) const CTA_TIMEOUT: u16 = 7;
pub(super) const CTA_MARK: u16 = 8;
pub(super) const CTA_ID: u16 = 12;
pub(super) const CTA_ZONE: u16 = 18;
pub(super) const CTA_FILTER: u16 = 25;

pub(super) const CTA_TUPLE_IP: u16 = 1;
pub(super) const CTA_TUPLE_PROTO: u16 = 2;
pub(super) const CTA_IP_V4_SRC: u16 = 1;
pub(super) const CTA_IP_V4_DST: u16 = 2;
pub(super) const CTA_IP_V6_SRC: u16 = 3;
pub(super) const CTA_IP_V6_DST: u16 = 4;
pub(super) const CTA_PROTO_NUM: u16 = 1;
pub(super) const CTA_PROTO_SRC_PORT: u16 = 2;
pub(super) const CTA_PROTO_DST_PORT: u16 = 3;

pub(super) const CTA_STATS_GLOBAL_ENTRIES: u16 = 1;

pub(super) const CTA_FILTER_ORIG_FLAGS: u16 = 1;
pub(super) const CTA_FILTER_REPLY_FLAGS: u16 = 2;
pub(super) const CTA_FILTER_F_IP_SRC: u32 = 1 << 0;
pub(super) const CTA_FILTER_F_IP_DST: u32 = 1 << 1;
pub(super) const CTA_FILTER_F_PROTO_NUM: u32 = 1 << 3;
pub(super) const CTA_FILTER_F_SRC_PORT: u32 = 1 << 4;
pub(super) const CTA_FILTER_F_DST_PORT: u32 = 1 << 5;

/// `AF_INET` and `AF_INET6`.
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;
