//! What can be wrong with bytes, a link or a protected message, as facts.
//!
//! Each error is a kind and, for bytes, an offset; the sentence is made from one table when somebody asks.
//! Nothing here knows Python.

use core::fmt;

/// Declares an enum of error kinds together with its stable code and its sentence, one line each.
macro_rules! error_kinds {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $code:literal $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* #[doc = $text] $variant,)+ }

        impl $name {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable code that programs compare.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The sentence that people read.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.text()) }
        }
    };
}

error_kinds! {
    /// Why bytes could not be decoded.
    DecodeErrorKind {
        Truncated "truncated" "the data ends before the value does";
        TrailingData "trailing-data" "bytes are left over after the complete value";
        LengthForm "length-form" "the length octets are indefinite, reserved or not minimal";
        LengthTooLarge "length-too-large" "a length is larger than what is left or allowed";
        CountTooLarge "count-too-large" "an element count is larger than the data can hold";
        TooDeep "too-deep" "values are nested deeper than the limit";
        UnknownTag "unknown-tag" "the tag names no known type or choice";
        UnexpectedTag "unexpected-tag" "another type or element was due here";
        WrongLength "wrong-length" "a value of fixed size has another length";
        ValueOutOfRange "value-out-of-range" "the value is outside the range of its type";
        Padding "padding" "unused bits are not zero";
        ZeroWidthElement "zero-width-element" "a compact array of elements without octets cannot have contents";
        ElementLimit "element-limit" "the data is made of more values than the limit";
        ExpansionLimit "expansion-limit" "a compact array expands to more elements than the limit";
        UnexpectedApdu "unexpected-apdu" "this APDU is not allowed in this direction or state";
        Duplicate "duplicate" "an element appears twice";
        Missing "missing" "a mandatory element is missing";
        CheckSequence "check-sequence" "a check sequence does not match";
    }
}

error_kinds! {
    /// Why a link (HDLC or wrapper) cannot go on.
    LinkErrorKind {
        NotConnected "not-connected" "the link is not connected";
        WrapperVersion "wrapper-version" "the wrapper version is not 1; a byte stream cannot resynchronise";
        WrapperLength "wrapper-length" "the wrapper length is 0 or above the limit";
        ApduTooLong "apdu-too-long" "the APDU is longer than the limit";
        SequenceNumber "sequence-number" "the peer acknowledged a frame that was never sent";
        FrameRejected "frame-rejected" "the peer rejected a frame (FRMR)";
        Refused "refused" "the peer refused the link (DM)";
        Busy "busy" "another message is still being sent";
        RetriesExhausted "retries-exhausted" "the peer did not answer after all repetitions";
        Address "address" "the address does not fit the address form";
        AllStations "all-stations" "a client speaks to stations that were named, never to all";
        Parameter "parameter" "a link parameter is outside its range";
    }
}

error_kinds! {
    /// Why a protected message was refused or could not be made.
    SecurityErrorKind {
        Tag "authentication-tag" "the authentication tag does not match";
        Replay "replay" "the invocation counter is not above the last one accepted";
        Downgrade "downgrade" "the message is protected less than the policy demands";
        SuiteMismatch "suite-mismatch" "the security control names another security suite";
        UnsupportedProtection "unsupported-protection" "compression, or a broadcast key where none may be used";
        SystemTitle "system-title" "the system title is not the pinned one, or is our own";
        TooShort "too-short" "the message is too short for its security header and tag";
        CounterExhausted "counter-exhausted" "no reserved invocation counter is left";
        KeyLength "key-length" "the key has the wrong length for the suite";
        MissingKey "missing-key" "the key that the message needs is not present";
        Challenge "challenge" "a challenge is too short, too long, or equals our own";
        Proof "authentication-proof" "the HLS proof does not match";
        PrivateKey "private-key" "the octets are no private key on the curve";
        PublicKey "public-key" "the octets are no public key on the curve that is due";
        Signature "signature" "the signature is missing, malformed, or not by this key over these octets";
        Unwrap "key-unwrap" "the key was not wrapped with this key encrypting key";
        KeyInformation "key-information" "the key-info of a general-ciphering APDU is unknown, or not the one that was decided on";
        TransactionId "transaction-id" "the transaction id is missing, too long, or not the one of the request";
    }
}

/// Bytes that could not be decoded: what is wrong and at which octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Octet offset from the start of the outermost data given to the decoder.
    pub offset: usize,
}

impl DecodeError {
    /// An error of `kind` at `offset`.
    #[must_use]
    pub const fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (octet {})", self.kind, self.offset)
    }
}

impl core::error::Error for DecodeError {}

/// A link that cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkError {
    /// What is wrong.
    pub kind: LinkErrorKind,
}

impl From<LinkErrorKind> for LinkError {
    fn from(kind: LinkErrorKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl core::error::Error for LinkError {}

/// A protected message that was refused or could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityError {
    /// What is wrong.
    pub kind: SecurityErrorKind,
    /// The smallest invocation counter that would have been accepted, for `Replay`.
    pub expected_counter: Option<u32>,
}

impl From<SecurityErrorKind> for SecurityError {
    fn from(kind: SecurityErrorKind) -> Self {
        Self {
            kind,
            expected_counter: None,
        }
    }
}

impl fmt::Display for SecurityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl core::error::Error for SecurityError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_within_a_table() {
        let mut codes: Vec<_> = DecodeErrorKind::ALL
            .iter()
            .map(|kind| kind.code())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), DecodeErrorKind::ALL.len());
    }
}
