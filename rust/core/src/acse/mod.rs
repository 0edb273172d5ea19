//! The association control APDUs (ISO/IEC 8650 as the Green Book uses it): AARQ, AARE, RLRQ, RLRE.
//!
//! Every element can be read and written. The user-information is carried as octets; what they mean, plain or ciphered, is not known
//! here. Elements that the standard does not name are passed over by their length; order, repetition and lengths are checked for all.

pub mod aare;
pub mod aarq;
pub mod entity;
pub mod release;

use crate::ber;
use crate::codec::{Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// The joint-iso-ccitt names of DLMS UA: 2.16.756.5.8.
const DLMS_UA: [u8; 5] = [0x60, 0x85, 0x74, 0x05, 0x08];
/// The branch of application-context-names below [`DLMS_UA`].
const APPLICATION_CONTEXT: u8 = 1;
/// The branch of mechanism-names below [`DLMS_UA`].
const MECHANISM: u8 = 2;
/// The number of octets of either kind of name.
const NAME_LEN: usize = 7;

/// Tags that AARQ, AARE and the release APDUs share.
const PROTOCOL_VERSION: u8 = 0x80;
const APPLICATION_CONTEXT_NAME: u8 = 0xA1;
const USER_INFORMATION: u8 = 0xBE;

/// Implementation-information, an implicitly tagged `GraphicString`; some write it in constructed form.
const IMPLEMENTATION_INFORMATION: u8 = 0x9D;
const IMPLEMENTATION_INFORMATION_CONSTRUCTED: u8 = 0xBD;

/// The version that a protocol-version must have: the first bit of eight.
pub const VERSION_1: u8 = 0x80;

/// The functional unit "authentication" of the ACSE requirements, as BIT STRING: seven unused bits, then the bit.
const AUTHENTICATION_UNIT: [u8; 2] = [0x07, 0x80];

/// The last octet of a name below DLMS UA.
fn read_name(mut contents: Reader<'_>, branch: u8) -> Result<u8, DecodeError> {
    let start = contents.offset();
    match contents.rest() {
        [name @ .., arc, last] if name == DLMS_UA && *arc == branch => Ok(*last),
        octets if octets.len() == NAME_LEN => {
            Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, start))
        }
        _ => Err(DecodeError::new(DecodeErrorKind::WrongLength, start)),
    }
}

fn emit_name(out: &mut Writer<'_>, branch: u8, last: u8) {
    out.put(&DLMS_UA);
    out.put(&[branch, last]);
}

/// The application-context-name, an explicitly tagged OBJECT IDENTIFIER.
fn read_application_context(mut contents: Reader<'_>) -> Result<u8, DecodeError> {
    read_name(
        ber::read_only(&mut contents, ber::OBJECT_IDENTIFIER)?,
        APPLICATION_CONTEXT,
    )
}

const APPLICATION_CONTEXT_LEN: usize = ber::element_len(ber::element_len(NAME_LEN));

fn emit_application_context(out: &mut Writer<'_>, application_context: u8) {
    ber::write_header(out, APPLICATION_CONTEXT_NAME, ber::element_len(NAME_LEN));
    ber::write_header(out, ber::OBJECT_IDENTIFIER, NAME_LEN);
    emit_name(out, APPLICATION_CONTEXT, application_context);
}

/// BIT STRING: its first bit. Absent bits are FALSE.
fn read_first_bit(mut contents: Reader<'_>) -> Result<bool, DecodeError> {
    let start = contents.offset();
    match contents.rest() {
        [0] => Ok(false),
        [0..=7, first, ..] => Ok(first & 0x80 != 0),
        [_, _, ..] => Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, start)),
        _ => Err(DecodeError::new(DecodeErrorKind::WrongLength, start)),
    }
}

/// BIT STRING: its first eight bits. Absent bits are FALSE.
fn read_first_octet(mut contents: Reader<'_>) -> Result<u8, DecodeError> {
    let start = contents.offset();
    match contents.rest() {
        [0] => Ok(0),
        [unused @ 0..=7, first] => Ok(first & 0xFF << unused),
        [0..=7, first, _, ..] => Ok(*first),
        [_, _, ..] => Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, start)),
        _ => Err(DecodeError::new(DecodeErrorKind::WrongLength, start)),
    }
}

const fn protocol_version_len(protocol_version: Option<u8>) -> usize {
    match protocol_version {
        Some(_) => ber::element_len(2),
        None => 0,
    }
}

/// Only the bits up to the last that is set are written, but at least one.
fn emit_protocol_version(out: &mut Writer<'_>, protocol_version: Option<u8>) {
    if let Some(bits) = protocol_version {
        let unused = (1..=7)
            .rev()
            .find(|unused| bits & !(0xFF << unused) == 0)
            .unwrap_or(0);
        ber::write(out, PROTOCOL_VERSION, &[unused, bits]);
    }
}

/// An explicitly tagged OCTET STRING, or an alternative of the authentication-value.
fn read_octets<'a>(mut contents: Reader<'a>, tag: u8) -> Result<&'a [u8], DecodeError> {
    Ok(ber::read_only(&mut contents, tag)?.rest())
}

/// An optional element whose octets stand within an inner tag.
const fn octets_len(octets: Option<&[u8]>) -> usize {
    match octets {
        Some(octets) => ber::element_len(ber::element_len(octets.len())),
        None => 0,
    }
}

/// Implementation-information stands in its tag alone.
const fn implementation_information_len(octets: Option<&[u8]>) -> usize {
    match octets {
        Some(octets) => ber::element_len(octets.len()),
        None => 0,
    }
}

fn emit_implementation_information(out: &mut Writer<'_>, octets: Option<&[u8]>) {
    if let Some(octets) = octets {
        ber::write(out, IMPLEMENTATION_INFORMATION, octets);
    }
}

/// See [`octets_len`].
fn emit_octets(out: &mut Writer<'_>, tag: u8, inner: u8, octets: Option<&[u8]>) {
    if let Some(octets) = octets {
        ber::write_header(out, tag, ber::element_len(octets.len()));
        ber::write(out, inner, octets);
    }
}

/// The three elements of authentication, which AARQ and AARE have under different tags.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Authentication<'a> {
    /// Whether the ACSE requirements ask for the functional unit "authentication".
    pub requested: bool,
    /// The last octet of the mechanism-name.
    pub mechanism: Option<u8>,
    /// The authentication-value: a password or a challenge.
    pub value: Option<AuthenticationValue<'a>>,
}

/// Authentication-value: which alternative, and its contents.
///
/// DLMS uses the charstring alone. The others are carried as they are: of a bitstring the octet that counts the unused bits, then
/// the bits; of external and other whatever is in them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthenticationValue<'a> {
    /// The number of the alternative: 0 charstring, 1 bitstring, 2 external, 3 other.
    pub choice: u8,
    /// What is in it.
    pub contents: &'a [u8],
}

/// The tags of the alternatives, by number.
const ALTERNATIVES: [u8; 4] = [0x80, 0x81, 0xA2, 0xA3];
const BIT_STRING: u8 = 1;

impl<'a> AuthenticationValue<'a> {
    /// The alternative that DLMS uses.
    #[must_use]
    pub const fn charstring(contents: &'a [u8]) -> Self {
        Self {
            choice: 0,
            contents,
        }
    }

    /// One of the four alternatives, or `None` where there is no such one or the contents are no bitstring.
    #[must_use]
    pub fn new(choice: u8, contents: &'a [u8]) -> Option<Self> {
        let fits = choice != BIT_STRING || matches!(contents, [0] | [0..=7, _, ..]);
        (usize::from(choice) < ALTERNATIVES.len() && fits).then_some(Self { choice, contents })
    }

    const fn tag(self) -> u8 {
        ALTERNATIVES[self.choice as usize]
    }

    fn read(mut contents: Reader<'a>) -> Result<Self, DecodeError> {
        let unknown = contents.error(DecodeErrorKind::UnexpectedTag);
        let tag = contents.peek().ok_or(unknown)?;
        let choice = (0..)
            .zip(ALTERNATIVES)
            .find_map(|(choice, alternative)| (alternative == tag).then_some(choice))
            .ok_or(unknown)?;
        let mut inner = ber::read_only(&mut contents, tag)?;
        let wrong = inner.error(DecodeErrorKind::ValueOutOfRange);
        Self::new(choice, inner.rest()).ok_or(wrong)
    }
}

/// The tags of [`Authentication`] in one of the two APDUs.
struct AuthenticationTags {
    requirements: u8,
    mechanism_name: u8,
    value: u8,
}

impl core::fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Authentication")
            .field("requested", &self.requested)
            .field("mechanism", &self.mechanism)
            .field("value", &self.value.map(|_| "…"))
            .finish()
    }
}

impl<'a> Authentication<'a> {
    /// What goes with `mechanism`: the functional unit is asked for exactly where there is one.
    #[must_use]
    pub fn new(mechanism: Option<u8>, charstring: Option<&'a [u8]>) -> Self {
        Self {
            requested: mechanism.is_some(),
            mechanism,
            value: charstring.map(AuthenticationValue::charstring),
        }
    }

    /// Takes `element` if it belongs here.
    fn read(
        &mut self,
        tags: &AuthenticationTags,
        element: &ber::Element<'a>,
    ) -> Result<bool, DecodeError> {
        let contents = element.contents.clone();
        if element.tag == tags.requirements {
            self.requested = read_first_bit(contents)?;
        } else if element.tag == tags.mechanism_name {
            self.mechanism = Some(read_name(contents, MECHANISM)?);
        } else if element.tag == tags.value {
            self.value = Some(AuthenticationValue::read(contents)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn emitted_len(&self) -> usize {
        let requirements = if self.requested {
            ber::element_len(AUTHENTICATION_UNIT.len())
        } else {
            0
        };
        let mechanism_name = if self.mechanism.is_some() {
            ber::element_len(NAME_LEN)
        } else {
            0
        };
        requirements + mechanism_name + octets_len(self.value.map(|value| value.contents))
    }

    fn emit(&self, tags: &AuthenticationTags, out: &mut Writer<'_>) {
        if self.requested {
            ber::write(out, tags.requirements, &AUTHENTICATION_UNIT);
        }
        if let Some(mechanism) = self.mechanism {
            ber::write_header(out, tags.mechanism_name, NAME_LEN);
            emit_name(out, MECHANISM, mechanism);
        }
        if let Some(value) = self.value {
            emit_octets(out, tags.value, value.tag(), Some(value.contents));
        }
    }
}
