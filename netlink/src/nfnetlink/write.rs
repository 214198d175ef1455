//! Writes netlink messages one after the other into one buffer.

/// Set on the kind of every attribute that holds attributes.
const NLA_F_NESTED: u16 = 1 << 15;
const ALIGN: usize = 4;
const NLA_HEADER: usize = 4;

/// Bytes of `struct nlmsghdr` and `struct nfgenmsg`, with which every nfnetlink message starts.
pub(crate) const HEADERS: usize = 20;

/// The fields of a message's two headers that the caller chooses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// Subsystem in the high byte, message in the low one.
    pub(crate) kind: u16,
    /// `NLM_F_*`.
    pub(crate) flags: u16,
    /// Comes back in the answer.
    pub(crate) sequence: u32,
    /// `nfgen_family`: an `NFPROTO_*` number.
    pub(crate) family: u8,
    /// `res_id`: the subsystem in the messages that open and close a batch, 0 elsewhere.
    pub(crate) resource: u16,
}

/// Netlink messages, ready to be sent as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct MessageBuffer {
    bytes: Vec<u8>,
    too_long: bool,
}

impl MessageBuffer {
    /// The messages as the kernel reads them.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the messages and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.too_long = false;
    }

    /// Some attribute did not fit the 16 bits of its length: the buffer must not be sent.
    pub(crate) fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// Appends one message, whose attributes `body` writes.
    pub(crate) fn message(&mut self, header: Header, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&header.kind.to_ne_bytes());
        self.bytes.extend_from_slice(&header.flags.to_ne_bytes());
        self.bytes.extend_from_slice(&header.sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.push(header.family);
        self.bytes.push(0);
        self.bytes.extend_from_slice(&header.resource.to_be_bytes());
        body(self);
        self.close_message(start);
    }

    /// Appends a message that was copied, headers and all, from another buffer.
    pub(crate) fn copy_message(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
    }

    /// An attribute that holds the attributes which `body` writes.
    pub(crate) fn nested(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.open_nested(kind);
        body(self);
        self.close_nested(start);
    }

    /// Starts a nested attribute whose end is not known yet; give the result to
    /// [`Self::close_nested`].
    pub(crate) fn open_nested(&mut self, kind: u16) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&(kind | NLA_F_NESTED).to_ne_bytes());
        start
    }

    pub(crate) fn close_nested(&mut self, start: usize) {
        let length = self.attribute_length(self.bytes.len() - start);
        if let Some(field) = self.bytes.get_mut(start..start + 2) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
    }

    /// Appends attributes that are encoded already.
    pub(crate) fn raw(&mut self, attributes: &[u8]) {
        self.bytes.extend_from_slice(attributes);
    }

    pub(crate) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.attribute_header(kind, value.len());
        self.bytes.extend_from_slice(value);
        self.pad();
    }

    /// A string with the NUL that the kernel wants.
    pub(crate) fn string(&mut self, kind: u16, value: &str) {
        self.attribute_header(kind, value.len() + 1);
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(0);
        self.pad();
    }

    pub(crate) fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    pub(crate) fn u16_be(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(crate) fn u32_be(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(crate) fn u64_be(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Writes the length of the message that began at `start`.
    pub(crate) fn close_message(&mut self, start: usize) {
        let length = u32::try_from(self.bytes.len() - start).unwrap_or_else(|_| {
            self.too_long = true;
            0
        });
        if let Some(field) = self.bytes.get_mut(start..start + 4) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
    }

    fn attribute_header(&mut self, kind: u16, value_length: usize) {
        let length = self.attribute_length(NLA_HEADER + value_length);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
    }

    fn attribute_length(&mut self, length: usize) -> u16 {
        u16::try_from(length).unwrap_or_else(|_| {
            self.too_long = true;
            0
        })
    }

    fn pad(&mut self) {
        let padded = self.bytes.len().next_multiple_of(ALIGN);
        self.bytes.resize(padded, 0);
    }
}
