//! AARQ: a client asks for an association.

use core::fmt;

use super::{Authentication, AuthenticationTags};
use crate::ber::{self, Elements};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

const CALLED_AP_TITLE: u8 = 0xA2;
const CALLED_AE_QUALIFIER: u8 = 0xA3;
const CALLED_AP_INVOCATION_ID: u8 = 0xA4;
const CALLED_AE_INVOCATION_ID: u8 = 0xA5;
const CALLING_AP_TITLE: u8 = 0xA6;
const CALLING_AE_QUALIFIER: u8 = 0xA7;
const CALLING_AP_INVOCATION_ID: u8 = 0xA8;
const CALLING_AE_INVOCATION_ID: u8 = 0xA9;
const AUTHENTICATION: AuthenticationTags = AuthenticationTags {
    requirements: 0x8A,
    mechanism_name: 0x8B,
    value: 0xAC,
};

/// AARQ. The called titles and all invocation ids but the client user's are checked and passed over; they are not used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AssociationRequest<'a> {
    /// FALSE where a protocol-version is given that does not have version 1.
    pub protocol_version_supported: bool,
    /// The last octet of the application-context-name: 1 LN, 2 SN, 3 LN ciphered, 4 SN ciphered.
    pub application_context: u8,
    /// The system title of the client.
    pub calling_ap_title: Option<&'a [u8]>,
    /// The certificate of the client's digital signature key.
    pub calling_ae_qualifier: Option<&'a [u8]>,
    /// The calling-AE-invocation-id: who of the client's users asks.
    pub client_user_id: Option<u8>,
    /// Mechanism, and password or challenge.
    pub authentication: Authentication<'a>,
    /// The `InitiateRequest`, plain or ciphered.
    pub user_information: Option<&'a [u8]>,
}

impl AssociationRequest<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x60;

    fn contents_len(&self) -> usize {
        let protocol_version = if self.protocol_version_supported {
            0
        } else {
            ber::element_len(2)
        };
        let client_user_id = if self.client_user_id.is_some() {
            ber::element_len(ber::element_len(1))
        } else {
            0
        };
        protocol_version
            + super::APPLICATION_CONTEXT_LEN
            + super::octets_len(self.calling_ap_title)
            + super::octets_len(self.calling_ae_qualifier)
            + client_user_id
            + self.authentication.emitted_len()
            + super::octets_len(self.user_information)
    }
}

/// The user-information may hold a dedicated key in plain form.
impl fmt::Debug for AssociationRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssociationRequest")
            .field(
                "protocol_version_supported",
                &self.protocol_version_supported,
            )
            .field("application_context", &self.application_context)
            .field("calling_ap_title", &self.calling_ap_title)
            .field("calling_ae_qualifier", &self.calling_ae_qualifier)
            .field("client_user_id", &self.client_user_id)
            .field("authentication", &self.authentication)
            .field("user_information", &self.user_information.map(|_| "…"))
            .finish()
    }
}

impl<'a> Parse<'a> for AssociationRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.offset();
        let mut application_context = None;
        let mut request = Self {
            protocol_version_supported: true,
            application_context: 0,
            calling_ap_title: None,
            calling_ae_qualifier: None,
            client_user_id: None,
            authentication: Authentication::default(),
            user_information: None,
        };
        let mut elements = Elements::new(ber::read(reader, Self::TAG)?);
        while let Some(element) = elements.next_element()? {
            let mut contents = element.contents.clone();
            match element.tag {
                super::PROTOCOL_VERSION => {
                    request.protocol_version_supported = super::read_first_bit(contents)?;
                }
                super::APPLICATION_CONTEXT_NAME => {
                    application_context = Some(super::read_application_context(contents)?);
                }
                CALLED_AP_TITLE | CALLED_AE_QUALIFIER => {
                    super::read_octets(contents, ber::OCTET_STRING)?;
                }
                CALLED_AP_INVOCATION_ID | CALLED_AE_INVOCATION_ID | CALLING_AP_INVOCATION_ID => {
                    ber::read_only(&mut contents, ber::INTEGER)?;
                }
                CALLING_AP_TITLE => {
                    request.calling_ap_title =
                        Some(super::read_octets(contents, ber::OCTET_STRING)?);
                }
                CALLING_AE_QUALIFIER => {
                    request.calling_ae_qualifier =
                        Some(super::read_octets(contents, ber::OCTET_STRING)?);
                }
                CALLING_AE_INVOCATION_ID => {
                    request.client_user_id = Some(ber::read_small_integer(&mut contents)?);
                }
                super::USER_INFORMATION => {
                    request.user_information =
                        Some(super::read_octets(contents, ber::OCTET_STRING)?);
                }
                _ if request.authentication.read(&AUTHENTICATION, &element)? => {}
                _ if matches!(element.number(), 13..=29) => {}
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
        if !self.protocol_version_supported {
            ber::write(out, super::PROTOCOL_VERSION, &super::NO_VERSION_1);
        }
        super::emit_application_context(out, self.application_context);
        super::emit_octets(
            out,
            CALLING_AP_TITLE,
            ber::OCTET_STRING,
            self.calling_ap_title,
        );
        super::emit_octets(
            out,
            CALLING_AE_QUALIFIER,
            ber::OCTET_STRING,
            self.calling_ae_qualifier,
        );
        if let Some(client_user_id) = self.client_user_id {
            ber::write_header(out, CALLING_AE_INVOCATION_ID, ber::element_len(1));
            ber::write(out, ber::INTEGER, &[client_user_id]);
        }
        self.authentication.emit(&AUTHENTICATION, out);
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
        ]);
    }

    #[test]
    fn fields_are_what_the_octets_say() {
        let octets = hex(CIPHERED);
        let request = AssociationRequest::parse_all(&octets).expect("a complete APDU");
        assert!(request.protocol_version_supported);
        assert_eq!(request.application_context, 3);
        assert_eq!(request.calling_ap_title, Some(&hex("4D4D4D0000BC614E")[..]));
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
        assert_eq!(request.client_user_id, Some(7));
        assert_eq!(request.calling_ae_qualifier, Some(&[0][..]));
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
                "6011 A109060760857405080101 AC0481026162",
                UnexpectedTag,
                15,
            ),
            ("600F A109060760857405080101 8A020800", ValueOutOfRange, 15),
        ] {
            assert_eq!(error(octets), DecodeError::new(kind, offset), "{octets}");
        }
    }
}
