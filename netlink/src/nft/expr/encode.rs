//! Expressions as the kernel reads them.

use super::super::encode::{encode_verdict, milliseconds};
use super::super::uapi::{NFTA_DATA_VALUE, NFTA_EXPR_DATA, NFTA_EXPR_NAME, NFTA_LIST_ELEM};
use super::attr;
use super::{CtKey, Dynset, Expr, FibResult, Limit, Load, Log, Nat, PortRange, Register};
use crate::nfnetlink::MessageBuffer;

/// `NFT_DYNSET_F_EXPR`
const DYNSET_F_EXPR: u32 = 1 << 1;
/// `NFT_HASH_SYM`
const HASH_SYM: u32 = 1;

/// Writes a list of expressions, each as `NFTA_LIST_ELEM`.
pub(in crate::nft) fn encode_all(exprs: &[Expr], out: &mut MessageBuffer) {
    for expr in exprs {
        encode_one(expr, NFTA_LIST_ELEM, out);
    }
}

fn encode_one(expr: &Expr, kind: u16, out: &mut MessageBuffer) {
    out.nested(kind, |out| {
        out.string(NFTA_EXPR_NAME, expr.name());
        out.nested(NFTA_EXPR_DATA, |out| encode_data(expr, out));
    });
}

fn encode_data(expr: &Expr, out: &mut MessageBuffer) {
    match expr {
        Expr::Load(load, to) => encode_load(load, *to, out),
        Expr::Cmp(from, op, value) => {
            register(out, attr::CMP_SREG, *from);
            out.u32_be(attr::CMP_OP, op.number());
            data(out, attr::CMP_DATA, value.as_bytes());
        }
        Expr::Range { register: from, inverted, from: lowest, to: highest } => {
            register(out, attr::RANGE_SREG, *from);
            out.u32_be(attr::RANGE_OP, u32::from(*inverted));
            data(out, attr::RANGE_FROM, lowest.as_bytes());
            data(out, attr::RANGE_TO, highest.as_bytes());
        }
        Expr::Bitwise { from, to, mask, xor } => {
            register(out, attr::BITWISE_SREG, *from);
            register(out, attr::BITWISE_DREG, *to);
            out.u32_be(attr::BITWISE_LEN, length(mask.as_bytes()));
            data(out, attr::BITWISE_MASK, mask.as_bytes());
            data(out, attr::BITWISE_XOR, xor.as_bytes());
        }
        Expr::Byteorder { from, to, to_network, size, length } => {
            register(out, attr::BYTEORDER_SREG, *from);
            register(out, attr::BYTEORDER_DREG, *to);
            out.u32_be(attr::BYTEORDER_OP, u32::from(*to_network));
            out.u32_be(attr::BYTEORDER_LEN, u32::from(*length));
            out.u32_be(attr::BYTEORDER_SIZE, u32::from(*size));
        }
        Expr::Jhash { from, length, to, modulus, seed } => {
            register(out, attr::HASH_SREG, *from);
            register(out, attr::HASH_DREG, *to);
            out.u32_be(attr::HASH_LEN, u32::from(*length));
            out.u32_be(attr::HASH_MODULUS, *modulus);
            if let Some(seed) = seed {
                out.u32_be(attr::HASH_SEED, *seed);
            }
        }
        Expr::Lookup { set, key, data, inverted } => {
            out.string(attr::LOOKUP_SET, set);
            register(out, attr::LOOKUP_SREG, *key);
            if let Some(data) = data {
                register(out, attr::LOOKUP_DREG, *data);
            }
            if *inverted {
                out.u32_be(attr::LOOKUP_FLAGS, 1);
            }
        }
        Expr::Immediate(to, value) => {
            register(out, attr::IMMEDIATE_DREG, *to);
            data(out, attr::IMMEDIATE_DATA, value.as_bytes());
        }
        Expr::Verdict(verdict) => {
            register(out, attr::IMMEDIATE_DREG, Register::VERDICT);
            encode_verdict(verdict, attr::IMMEDIATE_DATA, out);
        }
        Expr::MetaSet(key, from) => {
            out.u32_be(attr::META_KEY, key.number());
            register(out, attr::META_SREG, *from);
        }
        Expr::CtSet(key, from) => {
            ct_key(*key, out);
            register(out, attr::CT_SREG, *from);
        }
        Expr::Nat(nat) => encode_nat(nat, out),
        Expr::Masquerade { flags, ports } => {
            nat_flags(attr::MASQ_FLAGS, *flags, out);
            port_range(attr::MASQ_REG_PROTO_MIN, attr::MASQ_REG_PROTO_MAX, *ports, out);
        }
        Expr::Redirect { flags, ports } => {
            port_range(attr::REDIR_REG_PROTO_MIN, attr::REDIR_REG_PROTO_MAX, *ports, out);
            nat_flags(attr::REDIR_FLAGS, *flags, out);
        }
        Expr::Reject(reject) => {
            let (kind, code) = reject.numbers();
            out.u32_be(attr::REJECT_TYPE, kind);
            out.u8(attr::REJECT_ICMP_CODE, code);
        }
        Expr::Dynset(dynset) => encode_dynset(dynset, out),
        Expr::Limit(limit) => encode_limit(limit, out),
        Expr::Log(log) => encode_log(log, out),
        Expr::Counter | Expr::Notrack => {}
    }
}

fn encode_load(load: &Load, to: Register, out: &mut MessageBuffer) {
    match load {
        Load::Payload { header, offset, length } => {
            register(out, attr::PAYLOAD_DREG, to);
            out.u32_be(attr::PAYLOAD_BASE, header.number());
            out.u32_be(attr::PAYLOAD_OFFSET, u32::from(*offset));
            out.u32_be(attr::PAYLOAD_LEN, u32::from(*length));
        }
        Load::Meta(key) => {
            out.u32_be(attr::META_KEY, key.number());
            register(out, attr::META_DREG, to);
        }
        Load::Ct(key) => {
            ct_key(*key, out);
            register(out, attr::CT_DREG, to);
        }
        Load::Increment { modulus, offset } => numgen(0, *modulus, *offset, to, out),
        Load::Random { modulus, offset } => numgen(1, *modulus, *offset, to, out),
        Load::Symhash { modulus, offset } => {
            register(out, attr::HASH_DREG, to);
            out.u32_be(attr::HASH_MODULUS, *modulus);
            out.u32_be(attr::HASH_OFFSET, *offset);
            out.u32_be(attr::HASH_TYPE, HASH_SYM);
        }
        Load::Fib(fib) => {
            register(out, attr::FIB_DREG, to);
            out.u32_be(attr::FIB_RESULT, FibResult::number(fib.result));
            out.u32_be(attr::FIB_FLAGS, fib.flags());
        }
        Load::Constant(value) => {
            register(out, attr::IMMEDIATE_DREG, to);
            data(out, attr::IMMEDIATE_DATA, value.as_bytes());
        }
    }
}

fn encode_nat(nat: &Nat, out: &mut MessageBuffer) {
    out.u32_be(attr::NAT_TYPE, nat.kind as u32);
    out.u32_be(attr::NAT_FAMILY, u32::from(nat.family.number()));
    if let Some(address) = nat.address {
        register(out, attr::NAT_REG_ADDR_MIN, address);
    }
    if let Some(port) = nat.port {
        register(out, attr::NAT_REG_PROTO_MIN, port);
    }
    nat_flags(attr::NAT_FLAGS, nat.flags, out);
}

fn encode_dynset(dynset: &Dynset, out: &mut MessageBuffer) {
    out.string(attr::DYNSET_SET_NAME, &dynset.set);
    out.u32_be(attr::DYNSET_OP, dynset.op.number());
    register(out, attr::DYNSET_SREG_KEY, dynset.key);
    if let Some(data) = dynset.data {
        register(out, attr::DYNSET_SREG_DATA, data);
    }
    if let Some(timeout) = dynset.timeout {
        out.u64_be(attr::DYNSET_TIMEOUT, milliseconds(timeout));
    }
    match dynset.exprs.as_slice() {
        [] => {}
        // Kernels before 5.11 know one expression only, under an attribute of its own.
        [single] => encode_one(single, attr::DYNSET_EXPR, out),
        several => {
            out.u32_be(attr::DYNSET_FLAGS, DYNSET_F_EXPR);
            out.nested(attr::DYNSET_EXPRESSIONS, |out| encode_all(several, out));
        }
    }
}

fn encode_limit(limit: &Limit, out: &mut MessageBuffer) {
    out.u64_be(attr::LIMIT_RATE, limit.rate);
    out.u64_be(attr::LIMIT_UNIT, limit.per.seconds());
    out.u32_be(attr::LIMIT_BURST, limit.burst);
    out.u32_be(attr::LIMIT_TYPE, u32::from(limit.bytes));
    out.u32_be(attr::LIMIT_FLAGS, u32::from(limit.over));
}

fn encode_log(log: &Log, out: &mut MessageBuffer) {
    if !log.prefix.is_empty() {
        out.string(attr::LOG_PREFIX, &log.prefix);
    }
    if let Some(group) = log.group {
        out.u16_be(attr::LOG_GROUP, group);
    }
}

fn numgen(kind: u32, modulus: u32, offset: u32, to: Register, out: &mut MessageBuffer) {
    register(out, attr::NG_DREG, to);
    out.u32_be(attr::NG_MODULUS, modulus);
    out.u32_be(attr::NG_TYPE, kind);
    out.u32_be(attr::NG_OFFSET, offset);
}

fn ct_key(key: CtKey, out: &mut MessageBuffer) {
    out.u32_be(attr::CT_KEY, key.number());
    if let Some(tuple) = key.tuple() {
        out.u8(attr::CT_DIRECTION, tuple.number());
    }
}

fn port_range(min: u16, max: u16, ports: Option<PortRange>, out: &mut MessageBuffer) {
    let Some(ports) = ports else { return };
    register(out, min, ports.min);
    if let Some(highest) = ports.max {
        register(out, max, highest);
    }
}

fn nat_flags(kind: u16, flags: u32, out: &mut MessageBuffer) {
    if flags != 0 {
        out.u32_be(kind, flags);
    }
}

fn register(out: &mut MessageBuffer, kind: u16, register: Register) {
    out.u32_be(kind, register.number());
}

fn data(out: &mut MessageBuffer, kind: u16, value: &[u8]) {
    out.nested(kind, |out| out.bytes(NFTA_DATA_VALUE, value));
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
