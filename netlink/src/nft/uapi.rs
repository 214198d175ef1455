//! The numbers of `linux/netfilter/nf_tables.h` and `nfnetlink.h` that this module uses, under the
//! kernel's names.

/// `NFNL_SUBSYS_NFTABLES`, as the high byte of a message kind.
pub(in crate::nft) const NFNL_SUBSYS_NFTABLES: u16 = 10 << 8;
pub(in crate::nft) const NFNL_SUBSYS_ID: u16 = 10;
pub(in crate::nft) const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
pub(in crate::nft) const NFNL_MSG_BATCH_END: u16 = 0x11;
pub(in crate::nft) const NFNL_BATCH_GENID: u16 = 1;
pub(in crate::nft) const NFNLGRP_NFTABLES: u32 = 7;
pub(in crate::nft) const NFNLGRP_NFTRACE: u32 = 9;

pub(in crate::nft) const NLM_F_REQUEST: u16 = 0x1;
pub(in crate::nft) const NLM_F_ACK: u16 = 0x4;
pub(in crate::nft) const NLM_F_DUMP: u16 = 0x300;
pub(in crate::nft) const NLM_F_REPLACE: u16 = 0x100;
pub(in crate::nft) const NLM_F_CREATE: u16 = 0x400;
pub(in crate::nft) const NLM_F_APPEND: u16 = 0x800;

/// `enum nf_tables_msg_types`.
pub(in crate::nft) mod msg {
    pub(in crate::nft) const NEWTABLE: u16 = 0;
    pub(in crate::nft) const GETTABLE: u16 = 1;
    pub(in crate::nft) const DELTABLE: u16 = 2;
    pub(in crate::nft) const NEWCHAIN: u16 = 3;
    pub(in crate::nft) const GETCHAIN: u16 = 4;
    pub(in crate::nft) const DELCHAIN: u16 = 5;
    pub(in crate::nft) const NEWRULE: u16 = 6;
    pub(in crate::nft) const GETRULE: u16 = 7;
    pub(in crate::nft) const DELRULE: u16 = 8;
    pub(in crate::nft) const NEWSET: u16 = 9;
    pub(in crate::nft) const GETSET: u16 = 10;
    pub(in crate::nft) const DELSET: u16 = 11;
    pub(in crate::nft) const NEWSETELEM: u16 = 12;
    pub(in crate::nft) const GETSETELEM: u16 = 13;
    pub(in crate::nft) const DELSETELEM: u16 = 14;
    pub(in crate::nft) const NEWGEN: u16 = 15;
    pub(in crate::nft) const GETGEN: u16 = 16;
    pub(in crate::nft) const TRACE: u16 = 17;
    /// The `DESTROY` family came with Linux 6.3.
    pub(in crate::nft) const DESTROYTABLE: u16 = 26;
    pub(in crate::nft) const DESTROYCHAIN: u16 = 27;
    pub(in crate::nft) const DESTROYRULE: u16 = 28;
    pub(in crate::nft) const DESTROYSET: u16 = 29;
    pub(in crate::nft) const DESTROYSETELEM: u16 = 30;
}

pub(in crate::nft) const NFTA_LIST_ELEM: u16 = 1;

pub(in crate::nft) const NFTA_TABLE_NAME: u16 = 1;
pub(in crate::nft) const NFTA_TABLE_FLAGS: u16 = 2;
pub(in crate::nft) const NFT_TABLE_F_DORMANT: u32 = 1;
/// The table goes with the socket that made it (Linux 5.12).
pub(in crate::nft) const NFT_TABLE_F_OWNER: u32 = 2;
pub(in crate::nft) const NFTA_TABLE_USERDATA: u16 = 6;

pub(in crate::nft) const NFTA_CHAIN_TABLE: u16 = 1;
pub(in crate::nft) const NFTA_CHAIN_NAME: u16 = 3;
pub(in crate::nft) const NFTA_CHAIN_HOOK: u16 = 4;
pub(in crate::nft) const NFTA_CHAIN_POLICY: u16 = 5;
pub(in crate::nft) const NFTA_CHAIN_TYPE: u16 = 7;
pub(in crate::nft) const NFTA_CHAIN_USERDATA: u16 = 12;

pub(in crate::nft) const NFTA_HOOK_HOOKNUM: u16 = 1;
pub(in crate::nft) const NFTA_HOOK_PRIORITY: u16 = 2;
pub(in crate::nft) const NFTA_HOOK_DEV: u16 = 3;

pub(in crate::nft) const NFTA_RULE_TABLE: u16 = 1;
pub(in crate::nft) const NFTA_RULE_CHAIN: u16 = 2;
pub(in crate::nft) const NFTA_RULE_HANDLE: u16 = 3;
pub(in crate::nft) const NFTA_RULE_EXPRESSIONS: u16 = 4;
pub(in crate::nft) const NFTA_RULE_POSITION: u16 = 6;
pub(in crate::nft) const NFTA_RULE_USERDATA: u16 = 7;

pub(in crate::nft) const NFT_SET_ANONYMOUS: u32 = 0x1;
pub(in crate::nft) const NFT_SET_INTERVAL: u32 = 0x4;
pub(in crate::nft) const NFT_SET_MAP: u32 = 0x8;
pub(in crate::nft) const NFT_SET_TIMEOUT: u32 = 0x10;
pub(in crate::nft) const NFT_SET_EVAL: u32 = 0x20;
pub(in crate::nft) const NFT_SET_CONCAT: u32 = 0x80;

pub(in crate::nft) const NFTA_SET_TABLE: u16 = 1;
pub(in crate::nft) const NFTA_SET_NAME: u16 = 2;
pub(in crate::nft) const NFTA_SET_FLAGS: u16 = 3;
pub(in crate::nft) const NFTA_SET_KEY_TYPE: u16 = 4;
pub(in crate::nft) const NFTA_SET_KEY_LEN: u16 = 5;
pub(in crate::nft) const NFTA_SET_DATA_TYPE: u16 = 6;
pub(in crate::nft) const NFTA_SET_DATA_LEN: u16 = 7;
pub(in crate::nft) const NFTA_SET_DESC: u16 = 9;
pub(in crate::nft) const NFTA_SET_ID: u16 = 10;
pub(in crate::nft) const NFTA_SET_TIMEOUT: u16 = 11;
pub(in crate::nft) const NFTA_SET_USERDATA: u16 = 13;

pub(in crate::nft) const NFTA_SET_DESC_SIZE: u16 = 1;
pub(in crate::nft) const NFTA_SET_DESC_CONCAT: u16 = 2;
pub(in crate::nft) const NFTA_SET_FIELD_LEN: u16 = 1;

pub(in crate::nft) const NFT_SET_ELEM_INTERVAL_END: u32 = 0x1;
pub(in crate::nft) const NFT_SET_ELEM_CATCHALL: u32 = 0x2;

pub(in crate::nft) const NFTA_SET_ELEM_KEY: u16 = 1;
pub(in crate::nft) const NFTA_SET_ELEM_DATA: u16 = 2;
pub(in crate::nft) const NFTA_SET_ELEM_FLAGS: u16 = 3;
pub(in crate::nft) const NFTA_SET_ELEM_TIMEOUT: u16 = 4;
pub(in crate::nft) const NFTA_SET_ELEM_USERDATA: u16 = 6;
pub(in crate::nft) const NFTA_SET_ELEM_KEY_END: u16 = 10;

pub(in crate::nft) const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
pub(in crate::nft) const NFTA_SET_ELEM_LIST_SET: u16 = 2;
pub(in crate::nft) const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;

pub(in crate::nft) const NFT_DATA_VERDICT: u32 = 0xffff_ff00;
pub(in crate::nft) const NFTA_DATA_VALUE: u16 = 1;
pub(in crate::nft) const NFTA_DATA_VERDICT: u16 = 2;
pub(in crate::nft) const NFTA_VERDICT_CODE: u16 = 1;
pub(in crate::nft) const NFTA_VERDICT_CHAIN: u16 = 2;

pub(in crate::nft) const NFTA_EXPR_NAME: u16 = 1;
pub(in crate::nft) const NFTA_EXPR_DATA: u16 = 2;

pub(in crate::nft) const NFTA_GEN_ID: u16 = 1;
pub(in crate::nft) const NFTA_GEN_PROC_PID: u16 = 2;
pub(in crate::nft) const NFTA_GEN_PROC_NAME: u16 = 3;

/// `enum nft_trace_attributes` and `enum nft_trace_types`.
pub(in crate::nft) const NFTA_TRACE_TABLE: u16 = 1;
pub(in crate::nft) const NFTA_TRACE_CHAIN: u16 = 2;
pub(in crate::nft) const NFTA_TRACE_RULE_HANDLE: u16 = 3;
pub(in crate::nft) const NFTA_TRACE_TYPE: u16 = 4;
pub(in crate::nft) const NFTA_TRACE_VERDICT: u16 = 5;
pub(in crate::nft) const NFTA_TRACE_ID: u16 = 6;
pub(in crate::nft) const NFTA_TRACE_NETWORK_HEADER: u16 = 8;
pub(in crate::nft) const NFTA_TRACE_TRANSPORT_HEADER: u16 = 9;
pub(in crate::nft) const NFTA_TRACE_IIF: u16 = 10;
pub(in crate::nft) const NFTA_TRACE_OIF: u16 = 12;
pub(in crate::nft) const NFTA_TRACE_POLICY: u16 = 16;
pub(in crate::nft) const NFT_TRACETYPE_POLICY: u32 = 1;
pub(in crate::nft) const NFT_TRACETYPE_RETURN: u32 = 2;
pub(in crate::nft) const NFT_TRACETYPE_RULE: u32 = 3;
