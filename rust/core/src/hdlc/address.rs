//! HDLC addresses: one octet for a client; one, two or four octets for a server.
//!
//! The size is part of an address, because a small number may be written in four octets and the answer has to use the
//! same form. Knows nothing of who is client or server on a link.

use core::fmt;

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind, LinkError, LinkErrorKind};

/// The number of octets that an address takes; there is no form of three octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressSize {
    /// Upper address only, 7 bits.
    One,
    /// Upper and lower address, 7 bits each.
    Two,
    /// Upper and lower address, 14 bits each.
    Four,
}

impl AddressSize {
    /// The number of octets.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// The largest value of each half, which is the all-station address.
    const fn largest(self) -> u16 {
        match self {
            Self::One | Self::Two => 0x7F,
            Self::Four => 0x3FFF,
        }
    }
}

/// An HDLC address: upper half (logical device, or client SAP), lower half (physical device), size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    upper: u16,
    lower: u16,
    size: AddressSize,
}

impl Address {
    /// The address of the client with service access point `sap` (0..=127), one octet.
    ///
    /// # Errors
    /// [`LinkErrorKind::Address`].
    pub fn client(sap: u8) -> Result<Self, LinkError> {
        Self::new(u16::from(sap), None, AddressSize::One)
    }

    /// The address of logical device `upper` in physical device `lower`.
    ///
    /// The form of one octet has no lower half; the others need one.
    ///
    /// # Errors
    /// [`LinkErrorKind::Address`] where a half is missing, too much or too large for `size`.
    pub fn new(upper: u16, lower: Option<u16>, size: AddressSize) -> Result<Self, LinkError> {
        let lower_fits = lower.is_some() == (size != AddressSize::One);
        let lower = lower.unwrap_or(0);
        if lower_fits && upper <= size.largest() && lower <= size.largest() {
            Ok(Self { upper, lower, size })
        } else {
            Err(LinkErrorKind::Address.into())
        }
    }

    /// Logical device of a server, or service access point of a client.
    #[must_use]
    pub const fn upper(&self) -> u16 {
        self.upper
    }

    /// Physical device; none in the form of one octet.
    #[must_use]
    pub const fn lower(&self) -> Option<u16> {
        match self.size {
            AddressSize::One => None,
            AddressSize::Two | AddressSize::Four => Some(self.lower),
        }
    }

    /// The form it is written in.
    #[must_use]
    pub const fn size(&self) -> AddressSize {
        self.size
    }

    /// Whether a half of it means all: every logical device, or every physical one. What goes there reaches stations that
    /// nobody has named.
    #[must_use]
    pub fn has_all_station_half(&self) -> bool {
        let all = self.size.largest();
        self.upper == all || self.lower() == Some(all)
    }

    /// Whether a station with the address `station` is meant by it, because each half is the same or means all; the
    /// all-station address means every station, whatever its form.
    #[must_use]
    pub fn includes(&self, station: &Self) -> bool {
        let all = self.size.largest();
        let half = |ours: u16, theirs: u16| ours == theirs || ours == all;
        self.is_all_stations()
            || self.size == station.size
                && half(self.upper, station.upper)
                && half(self.lower, station.lower)
    }

    /// Whether every station listens to it (FF, FE FF or FE FE FE FF on the wire), and so none may answer.
    #[must_use]
    pub fn is_all_stations(&self) -> bool {
        self.upper == self.size.largest()
            && self
                .lower()
                .is_none_or(|lower| lower == self.size.largest())
    }
}

impl<'a> Parse<'a> for Address {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let mut halves = [0_u16; 4];
        for count in 1..=halves.len() {
            let octet = reader.u8()?;
            halves[count - 1] = u16::from(octet >> 1);
            if octet & 1 == 1 {
                let [first, second, third, fourth] = halves;
                return match count {
                    1 => Ok(Self {
                        upper: first,
                        lower: 0,
                        size: AddressSize::One,
                    }),
                    2 => Ok(Self {
                        upper: first,
                        lower: second,
                        size: AddressSize::Two,
                    }),
                    4 => Ok(Self {
                        upper: first << 7 | second,
                        lower: third << 7 | fourth,
                        size: AddressSize::Four,
                    }),
                    _ => Err(DecodeError::new(DecodeErrorKind::WrongLength, offset)),
                };
            }
        }
        Err(DecodeError::new(DecodeErrorKind::WrongLength, offset))
    }
}

impl Emit for Address {
    fn emitted_len(&self) -> usize {
        self.size.octets()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        let [upper_high, upper_low] = septets(self.upper);
        let [lower_high, lower_low] = septets(self.lower);
        match self.size {
            AddressSize::One => out.put(&[upper_low | 1]),
            AddressSize::Two => out.put(&[upper_low, lower_low | 1]),
            AddressSize::Four => out.put(&[upper_high, upper_low, lower_high, lower_low | 1]),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lower() {
            None => write!(f, "{}", self.upper),
            Some(lower) => write!(f, "{}/{lower}", self.upper),
        }
    }
}

/// The two groups of seven bits of a half, each moved up to leave room for the extension bit.
fn septets(half: u16) -> [u8; 2] {
    let [high, low] = (half << 2 & 0xFE00 | half << 1 & 0x00FE).to_be_bytes();
    [high, low]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn client_addresses_of_the_profile() {
        for (sap, octet) in [(1, 0x03), (2, 0x05), (16, 0x21), (102, 0xCD)] {
            assert_eq!(Address::client(sap).expect("fits").to_vec(), [octet]);
        }
        assert!(Address::client(128).is_err());
    }

    #[test]
    fn the_same_small_address_in_every_size() {
        let written = |lower, size| Address::new(1, lower, size).expect("fits").to_vec();
        assert_eq!(written(None, AddressSize::One), [0x03]);
        assert_eq!(written(Some(17), AddressSize::Two), [0x02, 0x23]);
        assert_eq!(
            written(Some(17), AddressSize::Four),
            [0x00, 0x02, 0x00, 0x23]
        );
    }

    #[test]
    fn every_form_of_all_stations() {
        for octets in [&[0xFF][..], &[0xFE, 0xFF], &[0xFE, 0xFE, 0xFE, 0xFF]] {
            assert!(Address::parse_all(octets).expect("valid").is_all_stations());
        }
        assert!(
            !Address::parse_all(&[0x02, 0xFF])
                .expect("valid")
                .is_all_stations()
        );
    }

    #[test]
    fn a_half_that_means_all_includes_every_station_of_the_other_half() {
        let address =
            |upper, lower| Address::new(upper, Some(lower), AddressSize::Two).expect("fits");
        for (meant, station, included) in [
            (address(1, 17), address(1, 17), true),
            (address(1, 0x7F), address(1, 17), true),
            (address(0x7F, 17), address(1, 17), true),
            (address(1, 0x7F), address(2, 17), false),
            (address(1, 18), address(1, 17), false),
        ] {
            assert_eq!(meant.includes(&station), included, "{meant} {station}");
        }
        let one = Address::new(1, None, AddressSize::One).expect("fits");
        let all = Address::new(0x7F, None, AddressSize::One).expect("fits");
        assert!(all.includes(&address(1, 17)) && all.has_all_station_half());
        assert!(!one.includes(&address(1, 17)) && !one.has_all_station_half());
        assert!(address(1, 0x7F).has_all_station_half());
    }

    #[test]
    fn three_and_five_octets_are_refused() {
        for octets in [&[0x02, 0x02, 0x03][..], &[0x02, 0x02, 0x02, 0x02, 0x03]] {
            assert_eq!(
                Address::parse_all(octets).map_err(|error| error.kind),
                Err(DecodeErrorKind::WrongLength)
            );
        }
        assert_eq!(
            Address::parse_all(&[0x02]).map_err(|error| error.kind),
            Err(DecodeErrorKind::Truncated)
        );
    }

    #[test]
    fn a_half_that_does_not_fit_is_refused() {
        assert!(Address::new(0x80, None, AddressSize::One).is_err());
        assert!(Address::new(1, Some(1), AddressSize::One).is_err());
        assert!(Address::new(1, None, AddressSize::Two).is_err());
        assert!(Address::new(1, Some(0x80), AddressSize::Two).is_err());
        assert!(Address::new(0x4000, Some(1), AddressSize::Four).is_err());
    }

    proptest! {
        #[test]
        fn four_octets_carry_fourteen_bits_each(upper in 0_u16..0x4000, lower in 0_u16..0x4000) {
            let address = Address::new(upper, Some(lower), AddressSize::Four).expect("fits");
            prop_assert_eq!(Address::parse_all(&address.to_vec()), Ok(address));
        }

        #[test]
        fn two_octets_carry_seven_bits_each(upper in 0_u16..0x80, lower in 0_u16..0x80) {
            let address = Address::new(upper, Some(lower), AddressSize::Two).expect("fits");
            prop_assert_eq!(Address::parse_all(&address.to_vec()), Ok(address));
        }
    }
}
