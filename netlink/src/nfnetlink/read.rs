//! Reads netlink messages in place. Nothing here trusts a length: malformed input ends the
//! iteration.

use super::write::HEADERS;

const NLMSG_HEADER: usize = 16;
const NLA_HEADER: usize = 4;
const NLA_TYPE_MASK: u16 = 0x3fff;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;

/// The messages of one datagram.
#[derive(Clone, Debug)]
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(crate) fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = usize::try_from(u32_ne(self.rest, 0)?).ok()?;
        if length < NLMSG_HEADER {
            return None;
        }
        let bytes = self.rest.get(..length)?;
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { bytes })
    }
}

/// One netlink message, headers included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Headers and attributes as they came.
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn kind(&self) -> u16 {
        u16_ne(self.bytes, 4).unwrap_or_default()
    }

    pub(crate) fn flags(&self) -> u16 {
        u16_ne(self.bytes, 6).unwrap_or_default()
    }

    pub(crate) fn sequence(&self) -> u32 {
        u32_ne(self.bytes, 8).unwrap_or_default()
    }

    /// `nfgen_family`.
    pub(crate) fn family(&self) -> u8 {
        self.bytes.get(NLMSG_HEADER).copied().unwrap_or_default()
    }

    pub(crate) fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.bytes.get(HEADERS..).unwrap_or_default())
    }

    /// The kernel's verdict, if this message is one.
    pub(crate) fn reply(&self) -> Option<Reply<'a>> {
        let code = || i32::from_ne_bytes(array(self.bytes, NLMSG_HEADER).unwrap_or_default());
        match self.kind() {
            NLMSG_DONE => Some(Reply { code: code(), text: None, offset: None }),
            NLMSG_ERROR => Some(self.error_reply(code())),
            _ => None,
        }
    }

    fn error_reply(&self, code: i32) -> Reply<'a> {
        let mut reply = Reply { code, text: None, offset: None };
        if self.flags() & NLM_F_ACK_TLVS == 0 {
            return reply;
        }
        // The request's header follows the code; its body too, unless the kernel was asked to cap
        // it.
        let request = NLMSG_HEADER + 4;
        let echoed = if self.flags() & NLM_F_CAPPED != 0 {
            NLMSG_HEADER
        } else {
            usize::try_from(u32_ne(self.bytes, request).unwrap_or_default())
                .unwrap_or_default()
                .next_multiple_of(4)
        };
        for attribute in Attributes::new(self.bytes.get(request + echoed..).unwrap_or_default()) {
            match attribute.kind {
                NLMSGERR_ATTR_MSG => reply.text = attribute.str(),
                NLMSGERR_ATTR_OFFS => {
                    reply.offset = u32_ne(attribute.value, 0).and_then(|n| usize::try_from(n).ok())
                }
                _ => {}
            }
        }
        reply
    }
}

/// What the kernel says of a request: an error, an acknowledgement or the end of a dump.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    /// 0, or a negated errno.
    pub(crate) code: i32,
    /// The kernel's own words (extended acknowledgement).
    pub(crate) text: Option<&'a str>,
    /// Where in the request the offending attribute begins.
    pub(crate) offset: Option<usize>,
}

/// A run of attributes.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first attribute of a kind.
    pub(crate) fn find(mut self, kind: u16) -> Option<Attribute<'a>> {
        Iterator::find(&mut self, |attribute| attribute.kind == kind)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let length = usize::from(u16_ne(self.rest, 0)?);
        let kind = u16_ne(self.rest, 2)? & NLA_TYPE_MASK;
        let value = self.rest.get(NLA_HEADER..length)?;
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Attribute { kind, value })
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    /// Its number, without the flag bits.
    pub(crate) kind: u16,
    /// Its value, without padding.
    pub(crate) value: &'a [u8],
}

impl<'a> Attribute<'a> {
    pub(crate) fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.value)
    }

    /// The text before the NUL; `None` when it is not UTF-8.
    pub(crate) fn str(&self) -> Option<&'a str> {
        let end = self.value.iter().position(|byte| *byte == 0).unwrap_or(self.value.len());
        std::str::from_utf8(self.value.get(..end)?).ok()
    }

    /// [`Self::str`], owned; empty when it is not UTF-8.
    pub(crate) fn string(&self) -> String {
        self.str().unwrap_or_default().to_owned()
    }

    pub(crate) fn u8(&self) -> Option<u8> {
        self.value.first().copied()
    }

    pub(crate) fn u16_be(&self) -> Option<u16> {
        array(self.value, 0).map(u16::from_be_bytes)
    }

    pub(crate) fn u32_be(&self) -> Option<u32> {
        array(self.value, 0).map(u32::from_be_bytes)
    }

    pub(crate) fn u64_be(&self) -> Option<u64> {
        array(self.value, 0).map(u64::from_be_bytes)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_ne(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_ne_bytes)
}

fn u32_ne(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}
