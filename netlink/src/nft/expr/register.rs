//! The registers of the packet classifier.

/// One of sixteen registers of 32 bits, or the verdict. A value of more than 32 bits takes as many
/// registers in a row as it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(u8);

impl Register {
    /// Where a verdict goes.
    pub const VERDICT: Self = Self(0);
    /// The first register.
    pub const FIRST: Self = Self::new(0);

    /// Registers of 32 bits that there are.
    pub const COUNT: u8 = 16;

    /// The kernel's number of the first (`NFT_REG32_00`).
    const BASE: u8 = 8;

    /// The register with this index. The kernel refuses a rule that uses one beyond
    /// [`Self::COUNT`].
    pub const fn new(index: u8) -> Self {
        Self(Self::BASE.saturating_add(index))
    }

    /// The register that follows a value of `length` bytes in this one.
    #[must_use]
    pub const fn after(self, length: usize) -> Self {
        // A length beyond 8 bits is one that the kernel refuses in any case.
        let slots = length.div_ceil(4);
        Self(self.0.saturating_add(if slots > u8::MAX as usize { u8::MAX } else { slots as u8 }))
    }

    /// Its index; the verdict has none.
    pub const fn index(self) -> Option<u8> {
        self.0.checked_sub(Self::BASE)
    }

    pub(super) const fn number(self) -> u32 {
        self.0 as u32
    }
}
