//! The conformance block: which services two peers will use. A BIT STRING of 24 bits in BER inside A-XDR.

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// Conformance, 24 bits; bit 0 of the standard is `0x80_0000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Conformance(u32);

macro_rules! bits {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)+) => {
        impl Conformance {
            $($(#[$doc])* #[doc = concat!("Bit ", stringify!($bit), ".")] pub const $name: Self = Self(0x80_0000 >> $bit);)+
        }
    };
}

bits! {
    GENERAL_PROTECTION = 1;
    GENERAL_BLOCK_TRANSFER = 2;
    READ = 3;
    WRITE = 4;
    UNCONFIRMED_WRITE = 5;
    DELTA_VALUE_ENCODING = 6;
    ATTRIBUTE_0_SUPPORTED_WITH_SET = 8;
    PRIORITY_MGMT_SUPPORTED = 9;
    ATTRIBUTE_0_SUPPORTED_WITH_GET = 10;
    BLOCK_TRANSFER_WITH_GET_OR_READ = 11;
    BLOCK_TRANSFER_WITH_SET_OR_WRITE = 12;
    BLOCK_TRANSFER_WITH_ACTION = 13;
    MULTIPLE_REFERENCES = 14;
    INFORMATION_REPORT = 15;
    DATA_NOTIFICATION = 16;
    ACCESS = 17;
    PARAMETERIZED_ACCESS = 18;
    GET = 19;
    SET = 20;
    SELECTIVE_ACCESS = 21;
    EVENT_NOTIFICATION = 22;
    ACTION = 23;
}

impl Conformance {
    /// The block of these 24 bits; `None` where a higher bit is set.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits > 0xFF_FFFF {
            None
        } else {
            Some(Self(bits))
        }
    }

    /// The 24 bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all bits of `services` are set.
    #[must_use]
    pub const fn contains(self, services: Self) -> bool {
        self.0 & services.0 == services.0
    }

    /// What both sides offer.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Parse<'_> for Conformance {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect(0x5F)?; // [APPLICATION 31] in the long form of BER tags
        if reader.peek() == Some(0x1F) {
            reader.u8()?; // left out by old devices
        }
        let wrong_length = reader.error(DecodeErrorKind::WrongLength);
        if reader.u8()? != 4 {
            return Err(wrong_length);
        }
        let wrong_count = reader.error(DecodeErrorKind::WrongLength);
        let [unused_bits, high, middle, low] = reader.array()?;
        if unused_bits != 0 {
            return Err(wrong_count);
        }
        Ok(Self(u32::from_be_bytes([0, high, middle, low])))
    }
}

impl Emit for Conformance {
    fn emitted_len(&self) -> usize {
        7
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let [_, high, middle, low] = self.0.to_be_bytes();
        out.put(&[0x5F, 0x1F, 4, 0, high, middle, low]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_0_of_the_standard_is_the_most_significant() {
        let services = [
            Conformance::GET,
            Conformance::SET,
            Conformance::SELECTIVE_ACCESS,
        ];
        let bits = services
            .iter()
            .fold(0, |bits, service| bits | service.bits());
        let conformance = Conformance::from_bits(bits).expect("24 bits");
        assert_eq!(conformance.to_vec(), [0x5F, 0x1F, 4, 0, 0, 0, 0x1C]);
        assert!(
            conformance.contains(Conformance::SET) && !conformance.contains(Conformance::ACTION)
        );
        assert_eq!(Conformance::from_bits(0x100_0000), None);
    }

    #[test]
    fn the_old_tag_is_accepted() {
        let old = Conformance::parse_all(&[0x5F, 4, 0, 0, 0x7E, 0x1F]).expect("the old form");
        assert_eq!(old.bits(), 0x00_7E1F);
    }

    #[test]
    fn any_other_number_of_bits_is_refused() {
        for octets in [
            &[0x5F, 0x1F, 3, 0, 0x7E, 0x1F][..],
            &[0x5F, 0x1F, 5, 0, 0, 0x7E, 0x1F, 0][..],
            &[0x5F, 0x1F, 4, 1, 0, 0x7E, 0x1E][..],
            &[0x5F, 0x1F, 0][..],
        ] {
            let kind = Conformance::parse_all(octets).map_err(|error| error.kind);
            assert_eq!(kind, Err(DecodeErrorKind::WrongLength), "{octets:02X?}");
        }
    }
}
