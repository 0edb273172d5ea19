//! `InitiateRequest` and `InitiateResponse`: the user-information of AARQ and AARE, where the two xDLMS peers agree on version,
//! services and APDU sizes.

use core::fmt;

use super::conformance::Conformance;
use super::datablock::parse_octets;
use super::parse_flag;
use crate::axdr::length::{octets_len, write_octets};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;

/// The `InitiateRequest` APDU. The dedicated key is a secret: send it in ciphered form only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InitiateRequest<'a> {
    /// The key for this association only.
    pub dedicated_key: Option<&'a [u8]>,
    /// Whether the server shall answer.
    pub response_allowed: bool,
    /// Not used by DLMS/COSEM.
    pub proposed_quality_of_service: Option<i8>,
    /// The version of the DLMS protocol, 6.
    pub proposed_dlms_version_number: u8,
    /// What the client would use.
    pub proposed_conformance: Conformance,
    /// The largest APDU that the client can receive; 0 means no limit.
    pub client_max_receive_pdu_size: u16,
}

/// The `InitiateResponse` APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitiateResponse {
    /// Not used by DLMS/COSEM.
    pub negotiated_quality_of_service: Option<i8>,
    /// The version of the DLMS protocol, 6.
    pub negotiated_dlms_version_number: u8,
    /// What both sides can use.
    pub negotiated_conformance: Conformance,
    /// The largest APDU that the server can receive; 0 means no limit.
    pub server_max_receive_pdu_size: u16,
    /// 0x0007 with logical names, 0xFA00 with short names.
    pub vaa_name: u16,
}

impl InitiateRequest<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x01;
}

impl fmt::Debug for InitiateRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InitiateRequest")
            .field("dedicated_key", &self.dedicated_key.map(|_| "…"))
            .field("response_allowed", &self.response_allowed)
            .field(
                "proposed_quality_of_service",
                &self.proposed_quality_of_service,
            )
            .field(
                "proposed_dlms_version_number",
                &self.proposed_dlms_version_number,
            )
            .field("proposed_conformance", &self.proposed_conformance)
            .field(
                "client_max_receive_pdu_size",
                &self.client_max_receive_pdu_size,
            )
            .finish()
    }
}

impl<'a> Parse<'a> for InitiateRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        Ok(Self {
            dedicated_key: if parse_flag(reader)? {
                Some(parse_octets(reader)?)
            } else {
                None
            },
            response_allowed: if parse_flag(reader)? {
                parse_flag(reader)?
            } else {
                true
            },
            proposed_quality_of_service: parse_quality_of_service(reader)?,
            proposed_dlms_version_number: reader.u8()?,
            proposed_conformance: Conformance::parse(reader)?,
            client_max_receive_pdu_size: reader.u16()?,
        })
    }
}

impl Emit for InitiateRequest<'_> {
    fn emitted_len(&self) -> usize {
        let dedicated_key = 1 + self.dedicated_key.map_or(0, octets_len);
        let response_allowed = if self.response_allowed { 1 } else { 2 };
        let quality_of_service = quality_of_service_len(self.proposed_quality_of_service);
        1 + dedicated_key
            + response_allowed
            + quality_of_service
            + 1
            + self.proposed_conformance.emitted_len()
            + 2
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        out.u8(self.dedicated_key.is_some().into());
        if let Some(dedicated_key) = self.dedicated_key {
            write_octets(out, dedicated_key);
        }
        out.put(if self.response_allowed { &[0] } else { &[1, 0] });
        emit_quality_of_service(out, self.proposed_quality_of_service);
        out.u8(self.proposed_dlms_version_number);
        self.proposed_conformance.emit(out);
        out.u16(self.client_max_receive_pdu_size);
    }
}

impl InitiateResponse {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x08;
}

impl Parse<'_> for InitiateResponse {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        Ok(Self {
            negotiated_quality_of_service: parse_quality_of_service(reader)?,
            negotiated_dlms_version_number: reader.u8()?,
            negotiated_conformance: Conformance::parse(reader)?,
            server_max_receive_pdu_size: reader.u16()?,
            vaa_name: reader.u16()?,
        })
    }
}

impl Emit for InitiateResponse {
    fn emitted_len(&self) -> usize {
        let quality_of_service = quality_of_service_len(self.negotiated_quality_of_service);
        1 + quality_of_service + 1 + self.negotiated_conformance.emitted_len() + 2 + 2
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        emit_quality_of_service(out, self.negotiated_quality_of_service);
        out.u8(self.negotiated_dlms_version_number);
        self.negotiated_conformance.emit(out);
        out.u16(self.server_max_receive_pdu_size);
        out.u16(self.vaa_name);
    }
}

fn parse_quality_of_service(reader: &mut Reader<'_>) -> Result<Option<i8>, DecodeError> {
    if parse_flag(reader)? {
        reader.i8().map(Some)
    } else {
        Ok(None)
    }
}

const fn quality_of_service_len(quality_of_service: Option<i8>) -> usize {
    if quality_of_service.is_some() { 2 } else { 1 }
}

fn emit_quality_of_service(out: &mut Writer<'_>, quality_of_service: Option<i8>) {
    out.u8(quality_of_service.is_some().into());
    if let Some(value) = quality_of_service {
        out.i8(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;
    use crate::xdlms::samples::{self, check_samples, hex};

    #[test]
    fn samples_survive() {
        check_samples::<InitiateRequest<'_>>(samples::INITIATE_REQUESTS);
        check_samples::<InitiateResponse>(samples::INITIATE_RESPONSES);
    }

    #[test]
    fn fields_are_what_the_octets_say() {
        let octets = hex("01 01 10 00112233445566778899AABBCCDDEEFF 00 00 06 5F1F0400 007E1F 04B0");
        let request = InitiateRequest::parse_all(&octets).expect("a complete APDU");
        assert_eq!(request.dedicated_key.map(<[u8]>::len), Some(16));
        assert!(request.response_allowed);
        assert_eq!(request.proposed_dlms_version_number, 6);
        assert_eq!(request.proposed_conformance.bits(), 0x00_7E1F);
        assert_eq!(request.client_max_receive_pdu_size, 1200);
    }

    #[test]
    fn the_dedicated_key_is_never_shown() {
        let octets = hex("01 01 04 A1A2A3A4 00 00 06 5F1F0400 007E1F 04B0");
        let request = InitiateRequest::parse_all(&octets).expect("a complete APDU");
        let shown = format!("{request:?}");
        assert!(
            shown.contains("Some(\"…\")") && !shown.contains("161"),
            "{shown}"
        );
    }

    #[test]
    fn a_conformance_of_another_bit_count_is_refused_where_it_stands() {
        let octets = hex("08 00 06 5F1F0300 007E 04B0 0007");
        let error = InitiateResponse::parse_all(&octets).expect_err("16 bits");
        assert_eq!(error, DecodeError::new(DecodeErrorKind::WrongLength, 5));
    }
}
