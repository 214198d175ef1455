//! Messages for tests, put together from their parts.

/// A name on the wire.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

/// A question with RD, and EDNS if there is a size for it.
pub(crate) fn asks(text: &str, rtype: u16, edns: Option<u16>) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())];
    message.extend(name(text));
    message.extend([rtype.to_be_bytes(), [0, 1]].concat());
    if let Some(size) = edns {
        message.extend([0, 0, 41]);
        message.extend(size.to_be_bytes());
        message.extend([0; 6]);
    }
    message
}

/// An answer to a question, record by record.
#[derive(Debug, Clone)]
pub(crate) struct Reply(Vec<u8>);

impl Reply {
    /// One without records.
    pub(crate) fn to(question: &[u8], rcode: u8) -> Self {
        let records = question[11];
        let end = question.len() - if records == 0 { 0 } else { 11 };
        let mut message = question[..end].to_vec();
        message[2] |= 0x84;
        message[3] = 0x80 | rcode;
        message[11] = 0;
        Self(message)
    }

    /// With another record of that section (0, 1, 2); its name is the question's.
    pub(crate) fn with(mut self, section: usize, rtype: u16, ttl: u32, data: &[u8]) -> Self {
        self.0[7 + 2 * section] += 1;
        self.0.extend([0xc0, 12]);
        self.0.extend(rtype.to_be_bytes());
        self.0.extend([0, 1]);
        self.0.extend(ttl.to_be_bytes());
        self.0.extend((data.len() as u16).to_be_bytes());
        self.0.extend(data);
        self
    }

    /// With an IPv4 address.
    pub(crate) fn a(self, ttl: u32, address: [u8; 4]) -> Self {
        self.with(0, 1, ttl, &address)
    }

    /// With an SOA record in its authority section.
    pub(crate) fn soa(self, ttl: u32, minimum: u32) -> Self {
        let numbers = [1, 2, 3, 4, minimum].map(u32::to_be_bytes).concat();
        self.with(1, 6, ttl, &[vec![0, 0], numbers].concat())
    }

    /// With EDNS, which must come last.
    pub(crate) fn edns(mut self) -> Self {
        self.0[11] += 1;
        self.0.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
        self
    }

    /// With these bits set in the two bytes of flags.
    pub(crate) fn flags(mut self, high: u8, low: u8) -> Self {
        self.0[2] |= high;
        self.0[3] |= low;
        self
    }

    /// The bytes.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }
}
