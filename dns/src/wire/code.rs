//! Numbers of the DNS that have names (IANA, "Domain Name System Parameters").

/// Types of records, and of questions.
pub mod rtype {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// A name server of a zone.
    pub const NS: u16 = 2;
    /// The name that this one stands for.
    pub const CNAME: u16 = 5;
    /// What a zone says of itself.
    pub const SOA: u16 = 6;
    /// The name of an address.
    pub const PTR: u16 = 12;
    /// The host's kind and system; here what RFC 8482 answers to `ANY`.
    pub const HINFO: u16 = 13;
    /// Text.
    pub const TXT: u16 = 16;
    /// An IPv6 address (RFC 3596).
    pub const AAAA: u16 = 28;
    /// Where a service is (RFC 2782).
    pub const SRV: u16 = 33;
    /// EDNS (RFC 6891).
    pub const OPT: u16 = 41;
    /// A zone's changes (RFC 1995).
    pub const IXFR: u16 = 251;
    /// A whole zone (RFC 5936).
    pub const AXFR: u16 = 252;
    /// Everything (RFC 8482).
    pub const ANY: u16 = 255;
}

/// The class `IN`.
pub const IN: u16 = 1;

/// Response codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rcode {
    /// All well, with or without records.
    NoError,
    /// The message cannot be understood.
    FormErr,
    /// Not now.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// Not a kind of question that is answered.
    NotImp,
    /// Not for this client, or not of this class.
    Refused,
    /// A version of EDNS that is not spoken (RFC 6891, section 9).
    BadVers,
}

impl Rcode {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NoError,
        Self::FormErr,
        Self::ServFail,
        Self::NxDomain,
        Self::NotImp,
        Self::Refused,
        Self::BadVers,
    ];

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::NoError => 0,
            Self::FormErr => 1,
            Self::ServFail => 2,
            Self::NxDomain => 3,
            Self::NotImp => 4,
            Self::Refused => 5,
            Self::BadVers => 16,
        }
    }

    /// The name, as statistics give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoError => "NOERROR",
            Self::FormErr => "FORMERR",
            Self::ServFail => "SERVFAIL",
            Self::NxDomain => "NXDOMAIN",
            Self::NotImp => "NOTIMP",
            Self::Refused => "REFUSED",
            Self::BadVers => "BADVERS",
        }
    }
}
