//! Invoke-Id-And-Priority, short (GET, SET, ACTION) and long (ACCESS, data-notification). Plain values; who counts them up is
//! the channel's business.

/// Invoke-Id-And-Priority, one octet: invoke id in bits 0..3, service class in bit 6, priority in bit 7.
///
/// Reserved bits are kept as they came, because a response repeats the octet of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct InvokeIdAndPriority(pub u8);

impl InvokeIdAndPriority {
    const INVOKE_ID: u8 = 0x0F;
    const CONFIRMED: u8 = 0x40;
    const HIGH_PRIORITY: u8 = 0x80;

    /// The low four bits of `invoke_id`, with service class and priority.
    #[must_use]
    pub const fn new(invoke_id: u8, confirmed: bool, high_priority: bool) -> Self {
        let mut octet = invoke_id & Self::INVOKE_ID;
        if confirmed {
            octet |= Self::CONFIRMED;
        }
        if high_priority {
            octet |= Self::HIGH_PRIORITY;
        }
        Self(octet)
    }

    /// The invoke id, 0..15.
    #[must_use]
    pub const fn invoke_id(self) -> u8 {
        self.0 & Self::INVOKE_ID
    }

    /// Whether an answer is expected (service class 1).
    #[must_use]
    pub const fn confirmed(self) -> bool {
        self.0 & Self::CONFIRMED != 0
    }

    /// Whether the priority is high.
    #[must_use]
    pub const fn high_priority(self) -> bool {
        self.0 & Self::HIGH_PRIORITY != 0
    }
}

/// Long-Invoke-Id-And-Priority, four octets: invoke id in bits 0..23, self-descriptive in bit 28, processing option in bit 29,
/// service class in bit 30, priority in bit 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct LongInvokeIdAndPriority(pub u32);

impl LongInvokeIdAndPriority {
    /// The bits of the invoke id.
    pub const INVOKE_ID: u32 = 0x00FF_FFFF;

    /// The invoke id, 24 bits.
    #[must_use]
    pub const fn invoke_id(self) -> u32 {
        self.0 & Self::INVOKE_ID
    }

    /// The same with another invoke id, of which the low 24 bits count.
    #[must_use]
    pub const fn with_invoke_id(self, invoke_id: u32) -> Self {
        Self(self.0 & !Self::INVOKE_ID | invoke_id & Self::INVOKE_ID)
    }

    /// Whether the APDU describes itself.
    #[must_use]
    pub const fn self_descriptive(self) -> bool {
        self.0 & 0x1000_0000 != 0
    }

    /// Whether processing stops at the first error.
    #[must_use]
    pub const fn break_on_error(self) -> bool {
        self.0 & 0x2000_0000 != 0
    }

    /// Whether an answer is expected (service class 1).
    #[must_use]
    pub const fn confirmed(self) -> bool {
        self.0 & 0x4000_0000 != 0
    }

    /// Whether the priority is high.
    #[must_use]
    pub const fn high_priority(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_octet_c1_is_id_1_confirmed_high() {
        let octet = InvokeIdAndPriority::new(1, true, true);
        assert_eq!(octet, InvokeIdAndPriority(0xC1));
        assert_eq!(
            (octet.invoke_id(), octet.confirmed(), octet.high_priority()),
            (1, true, true)
        );
    }

    #[test]
    fn an_invoke_id_never_spills_into_the_flags() {
        assert_eq!(
            InvokeIdAndPriority::new(0xFF, false, false),
            InvokeIdAndPriority(0x0F)
        );
    }

    #[test]
    fn the_long_form_has_its_flags_in_the_top_octet() {
        let long = LongInvokeIdAndPriority(0xD000_0007);
        assert_eq!(long.invoke_id(), 7);
        assert!(
            long.high_priority()
                && long.confirmed()
                && long.self_descriptive()
                && !long.break_on_error()
        );
    }
}
