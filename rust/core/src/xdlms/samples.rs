//! One sample of every form of every xDLMS APDU, and what each must survive. For tests only.

use core::fmt::Debug;

use crate::codec::{Emit, Parse};
use crate::error::DecodeErrorKind;

pub(crate) const GET_REQUESTS: &[&str] = &[
    "C0 01 C1 0012 00002C0000FF 02 00",
    "C0 01 C1 0007 0100630100FF 02 01 02 0204 06 00000001 06 00000000 12 0001 12 0000",
    "C0 02 81 00000001",
    "C0 03 C1 02 0012 00002C0000FF 02 00 0012 00002C0000FF 06 00",
];
pub(crate) const GET_RESPONSES: &[&str] = &[
    "C4 01 C1 00 16 01",
    "C4 01 C1 01 0B",
    "C4 02 C1 00 00000001 00 03 0908AA",
    "C4 02 C1 01 00000002 00 00",
    "C4 02 C1 01 00000007 01 13",
    "C4 03 C1 02 00 06 00000080 01 FA",
];
pub(crate) const SET_REQUESTS: &[&str] = &[
    "C1 01 C1 0012 00002C0000FF 05 00 03 01",
    "C1 01 C1 0007 0100630100FF 02 01 01 00 16 01",
    "C1 02 C1 0016 00000F0002FF 04 00 00 00000001 05 0101020209",
    "C1 03 C1 01 00000002 05 04021E0000",
    "C1 04 C1 02 0012 00002C0000FF 05 00 0001 0000600100FF 02 00 02 0301 09 02 AABB",
    "C1 05 C1 01 0012 00002C0000FF 05 00 00 00000001 02 0103",
];
pub(crate) const SET_RESPONSES: &[&str] = &[
    "C5 01 C1 00",
    "C5 02 C1 00000001",
    "C5 03 C1 00 00000002",
    "C5 04 C1 02 00 03 00000002",
    "C5 05 C1 02 00 FA",
];
pub(crate) const ACTION_REQUESTS: &[&str] = &[
    "C3 01 C1 0012 00002C0000FF 01 01 0202 09 06 4D4353313032 06 000186A0",
    "C3 01 C1 0012 00002C0000FF 03 01 0F00",
    "C3 01 41 0009 00000A006BFF 01 00",
    "C3 02 C1 00000001",
    "C3 03 C1 02 0012 00002C0000FF 03 0012 00002C0000FF 04 02 0F00 00",
    "C3 04 C1 0012 00002C0000FF 02 00 00000001 0C 020206000000000910000102",
    "C3 05 C1 01 0012 00002C0000FF 02 00 00000001 02 0102",
    "C3 06 C1 01 00000002 0D 030405060708090A0B0C0D0E0F",
];
pub(crate) const ACTION_RESPONSES: &[&str] = &[
    "C7 01 C1 00 00",
    "C7 01 C1 02 00",
    "C7 01 C1 00 01 00 09 02 AABB",
    "C7 01 C1 00 01 01 00",
    "C7 02 C1 00 00000001 02 0001",
    "C7 03 C1 02 00 00 0C 01 01 FA",
    "C7 04 C1 00000001",
];
pub(crate) const EXCEPTION_RESPONSES: &[&str] = &["D8 01 02", "D8 01 06 00000100"];
pub(crate) const CONFIRMED_SERVICE_ERRORS: &[&str] = &["0E 01 06 02", "0E 05 03 00"];
pub(crate) const EVENT_NOTIFICATIONS: &[&str] = &[
    "C2 00 0001 0000600B00FF 02 1105",
    "C2 01 0C 07E90C1803021E00008000FF 0001 0000600B00FF 02 1105",
];
pub(crate) const DATA_NOTIFICATIONS: &[&str] = &[
    "0F 40000001 00 0202 12 0001 09 01 FF",
    "0F C0000002 0C 07E90C1803021E00008000FF 00",
];
pub(crate) const READ_REQUESTS: &[&str] = &[
    "05 01 02 FA08",
    "05 02 02 0108 04 2BC0 01 0204 06 00000001 06 00000000 12 0001 12 0000",
    "05 01 04 FA58 00 09 02 AABB",
    "05 01 05 0001",
    "05 01 06 00 0001 03 010201",
];
pub(crate) const READ_RESPONSES: &[&str] = &[
    "0C 01 00 09 02 AABB",
    "0C 02 00 06 00000080 01 04",
    "0C 01 02 00 0001 03 010009",
    "0C 01 03 0001",
];
pub(crate) const WRITE_REQUESTS: &[&str] = &[
    "06 01 02 0158 01 0203 06 00000001 09 02 AABB 1105",
    "06 02 02 0108 04 0110 01 00 02 0F00 0301",
    "06 01 07 00 0001 01 09 03 010201",
];
pub(crate) const UNCONFIRMED_WRITE_REQUESTS: &[&str] = &[
    "16 01 02 0140 01 0F00",
    "16 02 02 0108 02 0110 02 0F00 0301",
];
pub(crate) const WRITE_RESPONSES: &[&str] = &["0D 01 00", "0D 02 00 01 03", "0D 01 02 0001"];
pub(crate) const INFORMATION_REPORTS: &[&str] = &[
    "18 00 01 02 0108 01 1105",
    "18 01 0F 32303235313232343032333030305A 02 02 0108 02 0110 02 1105 0301",
    "18 01 0C 07E90C1803021E00008000FF 01 02 0108 01 00",
];
pub(crate) const DATA_NOTIFICATION_CONFIRMS: &[&str] =
    &["10 40000001 00", "10 C0000002 0C 07E90C1803021E00008000FF"];
pub(crate) const ACCESS_REQUESTS: &[&str] = &[
    "D9 40000001 00 01 01 0008 0000010000FF 02 01 00",
    "D9 E0000002 0C 07E90C1803021E00008000FF 05 \
     01 0012 00002C0000FF 02 02 0012 00002C0000FF 05 03 0012 00002C0000FF 03 \
     04 0007 0100630100FF 02 02 0204 06 00000001 06 00000000 12 0001 12 0000 \
     05 0007 0100630100FF 02 01 00 05 00 0301 0F00 00 1101",
    "D9 00000003 00 00 00",
];
pub(crate) const ACCESS_RESPONSES: &[&str] = &[
    "DA 40000001 00 00 01 0600000080 01 01 00",
    "DA 50000002 0C 07E90C1803021E00008000FF 01 02 01 0012 00002C0000FF 02 02 0012 00002C0000FF 05 \
     02 0600000080 00 02 01 00 02 03",
    "DA 40000003 00 00 03 00 00 00 03 01 0B 02 00 03 FA",
];
pub(crate) const INITIATE_REQUESTS: &[&str] = &[
    "01 00 00 00 06 5F1F0400 007E1F 04B0",
    "01 01 10 00112233445566778899AABBCCDDEEFF 00 00 06 5F1F0400 007E1F 04B0",
    "01 00 01 00 01 05 06 5F1F0400 007E1F FFFF",
];
pub(crate) const INITIATE_RESPONSES: &[&str] = &[
    "08 00 06 5F1F0400 00501F 01F4 0007",
    "08 01 FF 06 5F1F0400 1C0320 0000 FA00",
];

/// The octets of a sample.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).expect("a hexadecimal digit"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "half an octet in {text}");
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// Every sample is read and written back; cut anywhere it is an error; with any one bit turned over it is an error or a value
/// that survives being written and read again.
pub(crate) fn check_samples<'a, T: Parse<'a> + Emit + Debug + PartialEq>(samples: &[&str]) {
    for sample in samples {
        let octets: &'static [u8] = hex(sample).leak();
        let value = T::parse_all(octets).unwrap_or_else(|error| panic!("{sample}: {error}"));
        assert_eq!(value.to_vec(), octets, "{sample}: {value:?}");
        for cut in 0..octets.len() {
            match T::parse_all(&octets[..cut]) {
                Ok(short) => assert_eq!(short.to_vec(), octets[..cut], "{sample} cut at {cut}"),
                Err(error) => assert_eq!(
                    error.kind,
                    DecodeErrorKind::Truncated,
                    "{sample} cut at {cut}"
                ),
            }
        }
        let mut longer = octets.to_vec();
        longer.push(0);
        let error = T::parse_all(longer.leak()).expect_err(sample);
        assert_eq!(error.kind, DecodeErrorKind::TrailingData, "{sample}");
        for bit in 0..octets.len() * 8 {
            let mut flipped = octets.to_vec();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let flipped: &'static [u8] = flipped.leak();
            if let Ok(value) = T::parse_all(flipped) {
                let again: &'static [u8] = value.to_vec().leak();
                assert_eq!(
                    T::parse_all(again).as_ref(),
                    Ok(&value),
                    "{sample} bit {bit}"
                );
            }
        }
    }
}
