//! Properties of all APDUs: what can be made is emitted and read back the same; what cannot be read is an error, never a panic.

use dlms_fw_core::apdu::{Apdu, Role};
use dlms_fw_core::codec::{Emit, Parse};
use dlms_fw_core::error::DecodeError;
use dlms_fw_core::xdlms::general_block::GeneralBlock;
use proptest::collection::vec;
use proptest::prelude::*;

#[path = "properties/apdus.rs"]
mod apdus;
use apdus::{apdu, general_block};

/// What has been read is emitted and read again the same, and has one encoding.
fn survives<'a, T: Emit + PartialEq + core::fmt::Debug>(
    value: &T,
    octets: &'a [u8],
    read: impl Fn(&'a [u8]) -> Result<T, DecodeError>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(value.emitted_len(), octets.len());
    let again = read(octets);
    prop_assert_eq!(again.as_ref(), Ok(value));
    prop_assert_eq!(again.expect("read").to_vec(), octets);
    Ok(())
}

fn apdu_survives(value: &Apdu<'_>) -> Result<(), TestCaseError> {
    survives(value, &value.to_vec(), Apdu::parse_all)
}

fn block_survives(value: &GeneralBlock<'_>) -> Result<(), TestCaseError> {
    survives(value, &value.to_vec(), GeneralBlock::parse_all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_emitted_is_read_back(apdu in apdu()) {
        apdu_survives(&apdu)?;
        let octets = apdu.to_vec();
        let sender = Apdu::sender(octets[0]).expect("a plain APDU");
        let other = if sender == Role::Client { Role::Server } else { Role::Client };
        prop_assert!(Apdu::parse_from(sender, &octets).is_ok());
        prop_assert!(Apdu::parse_from(other, &octets).is_err());
    }

    #[test]
    fn whatever_comes_is_a_value_or_an_error(
        apdu in apdu(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = apdu.to_vec();
        for (place, octet) in changes {
            *place.get_mut(&mut octets) = octet;
        }
        for data in [&octets[..], &octets[..cut.index(octets.len())]] {
            match Apdu::parse_all(data) {
                Ok(value) => apdu_survives(&value)?,
                Err(error) => prop_assert!(error.offset <= data.len()),
            }
        }
    }

    #[test]
    fn noise_is_an_error_or_a_value(tag in any::<u8>(), noise in vec(any::<u8>(), 0..64)) {
        let octets = [vec![tag], noise].concat();
        if let Ok(value) = Apdu::parse_all(&octets) {
            apdu_survives(&value)?;
        }
    }

    // proves: gbt-block-form
    #[test]
    fn a_general_block_is_read_back(block in general_block()) {
        block_survives(&block)?;
    }

    #[test]
    fn a_damaged_general_block_is_a_value_or_an_error(
        block in general_block(), at in any::<prop::sample::Index>(), octet in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = block.to_vec();
        *at.get_mut(&mut octets) = octet;
        for data in [&octets[..], &octets[..cut.index(octets.len())]] {
            match GeneralBlock::parse_all(data) {
                Ok(value) => block_survives(&value)?,
                Err(error) => prop_assert!(error.offset <= data.len()),
            }
        }
    }
}
