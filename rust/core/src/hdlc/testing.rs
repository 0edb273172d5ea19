//! What the tests of this layer share.

/// The octets of a string of hexadecimal digits; spaces mean nothing.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.replace(' ', "");
    assert!(digits.len().is_multiple_of(2), "an odd number of digits");
    let octet = |position| {
        u8::from_str_radix(&digits[position..position + 2], 16).expect("hexadecimal digits")
    };
    (0..digits.len()).step_by(2).map(octet).collect()
}
