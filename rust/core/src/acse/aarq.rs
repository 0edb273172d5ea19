//! AARQ: a client asks for an association.

use core::fmt;

use super::entity::ApplicationEntity;
use super::{Authentication, AuthenticationTags};
use crate::ber::{self, Elements};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// The tags of the AP-titles; those of qualifiers and invocation ids follow each.
const CALLED_AP_TITLE: u8 = 0xA2;
const CALLING_AP_TITLE: u8 = 0xA6;
const AUTHENTICATION: AuthenticationTags = AuthenticationTags {
    requirements: 0x8A,
    mechanism_name: 0x8B,
    value: 0xAC,
};

/// AARQ.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct AssociationRequest<'a> {
    /// Protocol-version: its first eight bits, [`super::VERSION_1`] and what follows. Absent is version 1.
    pub protocol_version: Option<u8>,
    /// The last octet of the application-context-name: 1 LN, 2 SN, 3 LN ciphered, 4 SN ciphered.
    pub application_context: u8,
    /// Who is called. DLMS does not use it.
    pub called: ApplicationEntity<'a>,
    /// The client: its system title, the certificate of its digital signature key, and who of its users asks.
    pub calling: ApplicationEntity<'a>,
    /// Mechanism, and password or challenge.
    pub authentication: Authentication<'a>,
    /// Implementation-information: text that the standard gives no meaning.
    pub implementation_information: Option<&'a [u8]>,
    /// The `InitiateRequest`, plain or ciphered.
    pub user_information: Option<&'a [u8]>,
}

impl AssociationRequest<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x60;

    fn contents_len(&self) -> usize {
        super::protocol_version_len(self.protocol_version)
            + super::APPLICATION_CONTEXT_LEN
            + self.called.emitted_len()
            + self.calling.emitted_len()
            + self.authentication.emitted_len()
            + super::implementation_information_len(self.implementation_information)
            + super::octets_len(self.user_information)
    }
}

/// The user-information may hold a dedicated key in plain form.
impl fmt::Debug for AssociationRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssociationRequest")
            .field("protocol_version", &self.protocol_version)
            .field("application_context", &self.application_context)
            .field("called", &self.called)
            .field("calling", &self.calling)
            .field("authentication", &self.authentication)
            .field(
                "implementation_information",
                &self.implementation_information,
            )
            .field("user_information", &self.user_information.map(|_| "…"))
            .finish()
    }
}

impl<'a> Parse<'a> for AssociationRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.offset();
        let mut application_context = None;
        let mut request = Self::default();
        let mut elements = Elements::new(ber::read(reader, Self::TAG)?);
        while let Some(element) = elements.next_element()? {
            let contents = element.contents.clone();
            match element.tag {
                super::PROTOCOL_VERSION => {
                    request.protocol_version = Some(super::read_first_octet(contents)?);
                }
                super::APPLICATION_CONTEXT_NAME => {
                    application_context = Some(super::read_application_context(contents)?);
                }
                super::IMPLEMENTATION_INFORMATION
                | super::IMPLEMENTATION_INFORMATION_CONSTRUCTED => {
                    request.implementation_information = Some(contents.clone().rest());
                }
                super::USER_INFORMATION => {
                    request.user_information =
                        Some(super::read_octets(contents, ber::OCTET_STRING)?);
                }
                _ if request.called.read(CALLED_AP_TITLE, &element)? => {}
                _ if request.calling.read(CALLING_AP_TITLE, &element)? => {}
                _ if request.authentication.read(&AUTHENTICATION, &element)? => {}
                _ if matches!(element.number(), 13..=28) => {}
                _ => return Err(element.unexpected()),
            }
        }
        request.application_context =
            application_context.ok_or(DecodeError::new(DecodeErrorKind::Missing, start))?;
        Ok(request)
    }
}

impl Emit for AssociationRequest<'_> {
    fn emitted_len(&self) -> usize {
        ber::element_len(self.contents_len())
    }

    fn emit(&self, out: &mut Writer<'_>) {
        ber::write_header(out, Self::TAG, self.contents_len());
        super::emit_protocol_version(out, self.protocol_version);
        super::emit_application_context(out, self.application_context);
        self.called.emit(CALLED_AP_TITLE, out);
        self.calling.emit(CALLING_AP_TITLE, out);
        self.authentication.emit(&AUTHENTICATION, out);
        super::emit_implementation_information(out, self.implementation_information);
        super::emit_octets(
            out,
            super::USER_INFORMATION,
            ber::OCTET_STRING,
            self.user_information,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{check_samples, hex};

    const LOWEST: &str = "601D A109060760857405080101 BE10040E01000000065F1F0400007E1F04B0";
    const CIPHERED: &str = "6066 A109060760857405080103 A60A04084D4D4D0000BC614E 8A020780 8B0760857405080201 \
        AC0A80083132333435363738 BE34043221303001234567801302FF8A7874133D414CED25B42534D28DB0047720606B175BD52211BE6841DB204D39EE6FDB8E356855";

    fn error(octets: &str) -> DecodeError {
        AssociationRequest::parse_all(&hex(octets)).expect_err(octets)
    }

    #[test]
    fn samples_survive() {
        check_samples::<AssociationRequest<'_>>(&[
            LOWEST,
            CIPHERED,
            "6036 A109060760857405080101 8A020780 8B0760857405080205 AC0A80084B35366956616759 BE10040E01000000065F1F0400007E1F04B0",
            "601C 80020700 A109060760857405080101 A7060404AABBCCDD A903020107",
            "605C 80020780 A109060760857405080101 A20A04080000000000000001 A303040100 A403020101 A50402020100 \
             A60A04084D4D4D0000BC614E A703040100 A803020102 A903020107 8A020780 8B0760857405080202 AC0481020010 9D0161",
            "601F 80020700 A109060760857405080101 AC08A20602010502010A 9D00 BE020400",
            "6013 80020780 A109060760857405080101 AC02A300",
        ]);
    }

    #[test]
    fn fields_are_what_the_octets_say() {
        let octets = hex(CIPHERED);
        let request = AssociationRequest::parse_all(&octets).expect("a complete APDU");
        assert_eq!(request.protocol_version, None);
        assert_eq!(request.application_context, 3);
        assert_eq!(request.calling.ap_title, Some(&hex("4D4D4D0000BC614E")[..]));
        assert_eq!(
            request.authentication,
            Authentication::new(Some(1), Some(b"12345678"))
        );
        assert_eq!(request.user_information.map(|octets| octets[0]), Some(0x21));
    }

    #[test]
    fn every_optional_element_is_taken() {
        let octets = hex(
            "6052 80020780 A109060760857405080101 A20A04080000000000000001 A303040100 A403020101 A50402020100 \
             A60A04084D4D4D0000BC614E A703040100 A803020102 A903020107 8D0100 B003020100 BD020000",
        );
        let request = AssociationRequest::parse_all(&octets).expect("a complete APDU");
        assert_eq!(request.protocol_version, Some(super::super::VERSION_1));
        assert_eq!(
            request.called,
            ApplicationEntity {
                ap_title: Some(&[0, 0, 0, 0, 0, 0, 0, 1]),
                ae_qualifier: Some(&[0]),
                ap_invocation_id: Some(1),
                ae_invocation_id: Some(256),
            }
        );
        assert_eq!(request.calling.ae_invocation_id, Some(7));
        assert_eq!(request.calling.ap_invocation_id, Some(2));
        assert_eq!(request.calling.ae_qualifier, Some(&[0][..]));
        assert_eq!(request.implementation_information, Some(&[0, 0][..]));
    }

    #[test]
    fn secrets_are_never_shown() {
        let octets = hex(CIPHERED);
        let shown = format!("{:?}", AssociationRequest::parse_all(&octets));
        assert!(
            shown.contains("value: Some(\"…\")") && !shown.contains("49, 50"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        use DecodeErrorKind::{Duplicate, LengthForm, LengthTooLarge, Missing, TrailingData};
        use DecodeErrorKind::{UnexpectedTag, ValueOutOfRange, WrongLength};
        for (octets, kind, offset) in [
            ("6000", Missing, 0),
            ("6004 8A020780", Missing, 0),
            (
                "6016 A109060760857405080101 A109060760857405080101",
                Duplicate,
                13,
            ),
            ("600F BE020400 A109060760857405080101", UnexpectedTag, 6),
            ("6008 A106060460857405", WrongLength, 6),
            ("600C A10A06086085740508010100", WrongLength, 6),
            ("600B A109060760857406080101", ValueOutOfRange, 6),
            ("600B A109060760857405080201", ValueOutOfRange, 6),
            ("600B A109040760857405080101", UnexpectedTag, 4),
            ("600C A10A06076085740508010100", TrailingData, 13),
            ("600B A184FFFFFFFF0001020304", LengthTooLarge, 3),
            ("600B A180060760857405080101", LengthForm, 3),
            ("600B 8109060760857405080101", UnexpectedTag, 2),
            ("600F A109060760857405080101 9E020400", UnexpectedTag, 13),
            ("6010 A109060760857405080101 A9020200 00", WrongLength, 17),
            (
                "6011 A109060760857405080101 AC0482026162",
                UnexpectedTag,
                15,
            ),
            (
                "6011 A109060760857405080101 AC0481020801",
                ValueOutOfRange,
                17,
            ),
            ("600D A109060760857405080101 AC00", UnexpectedTag, 15),
            ("600F A109060760857405080101 8A020800", ValueOutOfRange, 15),
        ] {
            assert_eq!(error(octets), DecodeError::new(kind, offset), "{octets}");
        }
    }
}
