//! The prefix by which a gateway knows the meter behind it: `E6 | network id | address | APDU`, and E7 in front of answers.
//!
//! It stands between the wrapper, or the LLC octets of HDLC, and the APDU as it is transmitted, protection included. The address is
//! octets of no meaning here. Knows neither links nor APDUs.

use crate::axdr::length::{length_len, read_length, write_length};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// In front of what a client sends.
pub const REQUEST: u8 = 0xE6;
/// In front of what comes from a meter.
pub const RESPONSE: u8 = 0xE7;

/// The longest address that is believed, in octets.
pub const MAX_ADDRESS: usize = 255;

/// One prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix<'a> {
    /// Whether it comes from the client's side.
    pub is_request: bool,
    /// Which of the networks behind the gateway.
    pub network_id: u8,
    /// The physical device in that network.
    pub physical_device_address: &'a [u8],
}

impl<'a> Prefix<'a> {
    /// Takes the prefix off a message: the prefix, where there is one, and what stands behind it.
    ///
    /// # Errors
    /// Where it is cut short, or nothing stands behind it.
    pub fn split(message: &'a [u8]) -> Result<(Option<Self>, &'a [u8]), DecodeError> {
        if !matches!(message.first(), Some(&(REQUEST | RESPONSE))) {
            return Ok((None, message));
        }
        let mut reader = Reader::new(message);
        let prefix = Self::parse(&mut reader)?;
        let apdu = &message[reader.offset()..];
        if apdu.is_empty() {
            return Err(reader.error(DecodeErrorKind::Truncated));
        }
        Ok((Some(prefix), apdu))
    }
}

impl<'a> Parse<'a> for Prefix<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unexpected = reader.error(DecodeErrorKind::UnexpectedTag);
        let tag = reader.u8()?;
        if tag != REQUEST && tag != RESPONSE {
            return Err(unexpected);
        }
        let network_id = reader.u8()?;
        let too_long = reader.error(DecodeErrorKind::LengthTooLarge);
        let length = read_length(reader)?;
        if length > MAX_ADDRESS {
            return Err(too_long);
        }
        Ok(Self {
            is_request: tag == REQUEST,
            network_id,
            physical_device_address: reader.take(length)?,
        })
    }
}

impl Emit for Prefix<'_> {
    fn emitted_len(&self) -> usize {
        let address = self.physical_device_address.len();
        2 + length_len(address) + address
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(if self.is_request { REQUEST } else { RESPONSE });
        out.u8(self.network_id);
        write_length(out, self.physical_device_address.len());
        out.put(self.physical_device_address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: gateway-prefix
    #[test]
    fn a_prefix_is_written_and_read_back() {
        for (is_request, octets) in [
            (true, [0xE6, 7, 2, 0x12, 0x34]),
            (false, [0xE7, 7, 2, 0x12, 0x34]),
        ] {
            let prefix = Prefix {
                is_request,
                network_id: 7,
                physical_device_address: &[0x12, 0x34],
            };
            assert_eq!(prefix.to_vec(), octets);
            let message = [&octets[..], &[0xC0, 1]].concat();
            assert_eq!(Prefix::split(&message), Ok((Some(prefix), &[0xC0, 1][..])));
        }
    }

    #[test]
    fn what_has_none_stays_as_it_is() {
        assert_eq!(Prefix::split(&[0xC0, 1]), Ok((None, &[0xC0, 1][..])));
        assert_eq!(Prefix::split(&[]), Ok((None, &[][..])));
    }

    #[test]
    fn a_prefix_that_is_cut_short_or_leads_to_nothing_is_refused() {
        let whole = [0xE6, 7, 2, 0x12, 0x34, 0xC0];
        for cut in 1..whole.len() {
            let error = Prefix::split(&whole[..cut]).expect_err("cut");
            assert_eq!(error.kind, DecodeErrorKind::Truncated, "cut at {cut}");
        }
        let long = [0xE6, 0, 0x82, 1, 0];
        let error = Prefix::split(&long).expect_err("an address of 256 octets");
        assert_eq!(error.kind, DecodeErrorKind::LengthTooLarge);
    }
}
