//! Questions as packets.

use std::net::IpAddr;

use pontoon_dns::exchange::Transport;

/// A question, as a client sends it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) recursion_desired: bool,
    pub(crate) checking_disabled: bool,
    /// Size of its buffer, version, whether it wants signatures.
    pub(crate) edns: Option<(u16, u8, bool)>,
    pub(crate) client: IpAddr,
    pub(crate) transport: Transport,
}

impl Question {
    pub(crate) fn new(name: &str, rtype: u16) -> Self {
        Self {
            id: 0x1d5,
            name: name.to_owned(),
            rtype,
            class: 1,
            recursion_desired: true,
            checking_disabled: false,
            edns: None,
            client: IpAddr::from([192, 0, 2, 77]),
            transport: Transport::Udp,
        }
    }

    pub(crate) fn from(self, client: &str) -> Self {
        Self { client: client.parse().unwrap(), ..self }
    }

    pub(crate) fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    pub(crate) fn with_edns(self, size: u16) -> Self {
        Self { edns: Some((size, 0, false)), ..self }
    }

    /// The largest answer that this client takes (RFC 1035, 2.3.4; RFC 6891, 6.2.3; ours is 1232).
    pub(crate) fn limit(&self) -> usize {
        match (self.transport, self.edns) {
            (Transport::Udp, None) => 512,
            (Transport::Udp, Some((size, ..))) => usize::from(size).clamp(512, 1232),
            _ => 65_535,
        }
    }

    /// The question alone: name, type and class.
    pub(crate) fn section(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for label in self.name.split('.').filter(|label| !label.is_empty()) {
            out.push(u8::try_from(label.len()).unwrap());
            out.extend_from_slice(label.as_bytes());
        }
        out.push(0);
        out.extend_from_slice(&self.rtype.to_be_bytes());
        out.extend_from_slice(&self.class.to_be_bytes());
        out
    }

    pub(crate) fn packet(&self) -> Vec<u8> {
        let mut out = self.id.to_be_bytes().to_vec();
        out.push(u8::from(self.recursion_desired));
        out.push(u8::from(self.checking_disabled) << 4);
        out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())]);
        out.extend_from_slice(&self.section());
        if let Some((size, version, dnssec_ok)) = self.edns {
            let [high, low] = size.to_be_bytes();
            out.extend_from_slice(&[0, 0, 41, high, low, 0, version]);
            out.extend_from_slice(&[u8::from(dnssec_ok) << 7, 0, 0, 0]);
        }
        out
    }
}
