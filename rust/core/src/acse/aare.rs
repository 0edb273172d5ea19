//! AARE: a server accepts an association, or refuses it and says why.

use core::fmt;

use super::entity::ApplicationEntity;
use super::{Authentication, AuthenticationTags};
use crate::ber::{self, Elements};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::wire_enum;

const RESULT: u8 = 0xA2;
const RESULT_SOURCE_DIAGNOSTIC: u8 = 0xA3;
/// The tag of the AP-title; those of qualifier and invocation ids follow.
const RESPONDING_AP_TITLE: u8 = 0xA4;
const AUTHENTICATION: AuthenticationTags = AuthenticationTags {
    requirements: 0x88,
    mechanism_name: 0x89,
    value: 0xAA,
};

/// The two alternatives of Associate-source-diagnostic.
const SERVICE_USER: u8 = 0xA1;
const SERVICE_PROVIDER: u8 = 0xA2;

wire_enum! {
    /// Association-result.
    AssociationResult: u8 {
        Accepted = 0,
        RejectedPermanent = 1,
        RejectedTransient = 2,
    }
}

/// Result-source-diagnostic: who says why. With HLS an accepted AARE has diagnostic 14, authentication required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResultSourceDiagnostic {
    /// The acse-service-user: 0 null, 1 no reason given, 2 application context name not supported … 11 mechanism name not
    /// recognised, 12 mechanism name required, 13 authentication failure, 14 authentication required.
    ServiceUser(u8),
    /// The acse-service-provider: 0 null, 1 no reason given, 2 no common ACSE version.
    ServiceProvider(u8),
}

/// AARE.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AssociationResponse<'a> {
    /// Protocol-version: its first eight bits, [`super::VERSION_1`] and what follows. Absent is version 1.
    pub protocol_version: Option<u8>,
    /// The last octet of the application-context-name: 1 LN, 2 SN, 3 LN ciphered, 4 SN ciphered.
    pub application_context: u8,
    /// Whether the association is accepted.
    pub result: AssociationResult,
    /// Why not, or that authentication goes on.
    pub diagnostic: ResultSourceDiagnostic,
    /// The server: its system title and the certificate of its digital signature key.
    pub responding: ApplicationEntity<'a>,
    /// Mechanism and challenge.
    pub authentication: Authentication<'a>,
    /// Implementation-information: text that the standard gives no meaning.
    pub implementation_information: Option<&'a [u8]>,
    /// The `InitiateResponse` or a `ConfirmedServiceError`, plain or ciphered.
    pub user_information: Option<&'a [u8]>,
}

impl AssociationResponse<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x61;

    fn contents_len(&self) -> usize {
        let result = ber::element_len(ber::element_len(1));
        let diagnostic = ber::element_len(ber::element_len(ber::element_len(1)));
        super::protocol_version_len(self.protocol_version)
            + super::APPLICATION_CONTEXT_LEN
            + result
            + diagnostic
            + self.responding.emitted_len()
            + self.authentication.emitted_len()
            + super::implementation_information_len(self.implementation_information)
            + super::octets_len(self.user_information)
    }
}

impl fmt::Debug for AssociationResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssociationResponse")
            .field("protocol_version", &self.protocol_version)
            .field("application_context", &self.application_context)
            .field("result", &self.result)
            .field("diagnostic", &self.diagnostic)
            .field("responding", &self.responding)
            .field("authentication", &self.authentication)
            .field(
                "implementation_information",
                &self.implementation_information,
            )
            .field("user_information", &self.user_information)
            .finish()
    }
}

impl<'a> Parse<'a> for AssociationResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let missing = reader.error(DecodeErrorKind::Missing);
        let mut protocol_version = None;
        let mut application_context = None;
        let mut result = None;
        let mut diagnostic = None;
        let mut responding = ApplicationEntity::default();
        let mut authentication = Authentication::default();
        let mut implementation_information = None;
        let mut user_information = None;
        let mut elements = Elements::new(ber::read(reader, Self::TAG)?);
        while let Some(element) = elements.next_element()? {
            let mut contents = element.contents.clone();
            match element.tag {
                super::PROTOCOL_VERSION => {
                    protocol_version = Some(super::read_first_octet(contents)?);
                }
                super::APPLICATION_CONTEXT_NAME => {
                    application_context = Some(super::read_application_context(contents)?);
                }
                RESULT => result = Some(ber::read_small_integer(&mut contents)?.into()),
                RESULT_SOURCE_DIAGNOSTIC => diagnostic = Some(read_diagnostic(&mut contents)?),
                super::IMPLEMENTATION_INFORMATION
                | super::IMPLEMENTATION_INFORMATION_CONSTRUCTED => {
                    implementation_information = Some(contents.rest());
                }
                super::USER_INFORMATION => {
                    user_information = Some(super::read_octets(contents, ber::OCTET_STRING)?);
                }
                _ if responding.read(RESPONDING_AP_TITLE, &element)? => {}
                _ if authentication.read(&AUTHENTICATION, &element)? => {}
                _ if matches!(element.number(), 11..=28) => {}
                _ => return Err(element.unexpected()),
            }
        }
        Ok(Self {
            protocol_version,
            application_context: application_context.ok_or(missing)?,
            result: result.ok_or(missing)?,
            diagnostic: diagnostic.ok_or(missing)?,
            responding,
            authentication,
            implementation_information,
            user_information,
        })
    }
}

fn read_diagnostic(contents: &mut Reader<'_>) -> Result<ResultSourceDiagnostic, DecodeError> {
    let unknown = contents.error(DecodeErrorKind::UnknownTag);
    match contents.peek() {
        Some(tag @ (SERVICE_USER | SERVICE_PROVIDER)) => {
            let value = ber::read_small_integer(&mut ber::read_only(contents, tag)?)?;
            Ok(match tag {
                SERVICE_USER => ResultSourceDiagnostic::ServiceUser(value),
                _ => ResultSourceDiagnostic::ServiceProvider(value),
            })
        }
        _ => Err(unknown),
    }
}

impl Emit for AssociationResponse<'_> {
    fn emitted_len(&self) -> usize {
        ber::element_len(self.contents_len())
    }

    fn emit(&self, out: &mut Writer<'_>) {
        ber::write_header(out, Self::TAG, self.contents_len());
        super::emit_protocol_version(out, self.protocol_version);
        super::emit_application_context(out, self.application_context);
        ber::write_header(out, RESULT, ber::element_len(1));
        ber::write(out, ber::INTEGER, &[self.result.into()]);
        let (source, value) = match self.diagnostic {
            ResultSourceDiagnostic::ServiceUser(value) => (SERVICE_USER, value),
            ResultSourceDiagnostic::ServiceProvider(value) => (SERVICE_PROVIDER, value),
        };
        ber::write_header(
            out,
            RESULT_SOURCE_DIAGNOSTIC,
            ber::element_len(ber::element_len(1)),
        );
        ber::write_header(out, source, ber::element_len(1));
        ber::write(out, ber::INTEGER, &[value]);
        self.responding.emit(RESPONDING_AP_TITLE, out);
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

    const ACCEPTED: &str = "6129 A109060760857405080101 A203020100 A305A103020100 BE10040E0800065F1F040000501F01F40007";
    const HLS: &str = "6142 A109060760857405080101 A203020100 A305A10302010E 88020780 890760857405080205 \
        AA0A8008503677524A323146 BE10040E0800065F1F040000501F01F40007";

    #[test]
    fn samples_survive() {
        check_samples::<AssociationResponse<'_>>(&[
            ACCEPTED,
            HLS,
            "612B A109060760857405080101 A203020101 A305A203020102 A40A04084D4D4D0000BC614E BE0604040E010600",
            "6120 80020700 A109060760857405080103 A203020102 A305A103020101 A5030401AA",
            "6130 80020780 A109060760857405080103 A203020100 A305A103020100 A603020101 A7040202FF7F AA05A3030102FF 9D0161",
        ]);
    }

    #[test]
    fn hls_is_accepted_and_pending() {
        let octets = hex(HLS);
        let response = AssociationResponse::parse_all(&octets).expect("a complete APDU");
        assert_eq!(response.result, AssociationResult::Accepted);
        assert_eq!(response.diagnostic, ResultSourceDiagnostic::ServiceUser(14));
        assert_eq!(
            response.authentication,
            Authentication::new(Some(5), Some(b"P6wRJ21F"))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        use DecodeErrorKind::{Duplicate, Missing, UnexpectedTag, UnknownTag, WrongLength};
        for (octets, kind, offset) in [
            ("6100", Missing, 0),
            ("6110 A109060760857405080101 A203020100", Missing, 0),
            (
                "6115 A109060760857405080101 A203020100 A203020100",
                Duplicate,
                18,
            ),
            (
                "6119 A109060760857405080101 A305A103020100 A203020100 0000",
                UnexpectedTag,
                20,
            ),
            (
                "6117 A109060760857405080101 A203020100 A305A303020100",
                UnknownTag,
                20,
            ),
            ("6111 A109060760857405080101 A20402020100", WrongLength, 17),
            ("6110 A109060760857405080101 8203020100", UnexpectedTag, 13),
        ] {
            let error = AssociationResponse::parse_all(&hex(octets)).expect_err(octets);
            assert_eq!(error, DecodeError::new(kind, offset), "{octets}");
        }
    }
}
