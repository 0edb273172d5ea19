//! How a server says that it cannot process an APDU at all: exception-response, and confirmedServiceError of the older services
//! and of a failed initiate.

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;
use crate::wire_enum;

wire_enum! {
    /// State-error of an exception-response.
    StateError: u8 {
        ServiceNotAllowed = 1,
        ServiceUnknown = 2,
    }
}

wire_enum! {
    /// Service-error of an exception-response.
    ServiceErrorCode: u8 {
        OperationNotPossible = 1,
        ServiceNotSupported = 2,
        OtherReason = 3,
        PduTooLong = 4,
        DecipheringError = 5,
        InvocationCounterError = 6,
    }
}

/// Exception-Response; always in plain form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExceptionResponse {
    /// Whether the state or the service was wrong.
    pub state_error: StateError,
    /// What was wrong with it.
    pub service_error: ServiceErrorCode,
    /// The smallest counter that the server accepts; goes with [`ServiceErrorCode::InvocationCounterError`] only, and older
    /// devices leave it out even there.
    pub invocation_counter: Option<u32>,
}

impl ExceptionResponse {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xD8;
}

impl Parse<'_> for ExceptionResponse {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let state_error = reader.u8()?.into();
        let service_error = reader.u8()?.into();
        let has_counter =
            service_error == ServiceErrorCode::InvocationCounterError && !reader.is_empty();
        let invocation_counter = if has_counter {
            Some(reader.u32()?)
        } else {
            None
        };
        Ok(Self {
            state_error,
            service_error,
            invocation_counter,
        })
    }
}

impl Emit for ExceptionResponse {
    fn emitted_len(&self) -> usize {
        if self.invocation_counter.is_some() {
            7
        } else {
            3
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(&[
            Self::TAG,
            self.state_error.into(),
            self.service_error.into(),
        ]);
        if let Some(invocation_counter) = self.invocation_counter {
            out.u32(invocation_counter);
        }
    }
}

wire_enum! {
    /// The service that a confirmedServiceError answers.
    ConfirmedService: u8 {
        InitiateError = 1,
        Read = 5,
        Write = 6,
    }
}

wire_enum! {
    /// The CHOICE of `ServiceError`: what kind of error the value counts.
    ErrorChoice: u8 {
        ApplicationReference = 0,
        HardwareResource = 1,
        VdeStateError = 2,
        Service = 3,
        Definition = 4,
        Access = 5,
        Initiate = 6,
        LoadDataSet = 7,
        Task = 9,
    }
}

/// The `ConfirmedServiceError` APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConfirmedServiceError {
    /// The service that failed.
    pub service: ConfirmedService,
    /// The kind of error.
    pub error_choice: ErrorChoice,
    /// The error, counted within its kind; for initiate: 0 other, 1 version too low, 2 incompatible conformance, 3 PDU size too
    /// short, 4 refused by the VDE handler.
    pub value: u8,
}

impl ConfirmedServiceError {
    /// The tag of the APDU.
    pub const TAG: u8 = 0x0E;
}

impl Parse<'_> for ConfirmedServiceError {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let [service, error_choice, value] = reader.array()?;
        Ok(Self {
            service: service.into(),
            error_choice: error_choice.into(),
            value,
        })
    }
}

impl Emit for ConfirmedServiceError {
    fn emitted_len(&self) -> usize {
        4
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(&[
            Self::TAG,
            self.service.into(),
            self.error_choice.into(),
            self.value,
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;
    use crate::xdlms::samples::{self, check_samples};

    #[test]
    fn samples_survive() {
        check_samples::<ExceptionResponse>(samples::EXCEPTION_RESPONSES);
        check_samples::<ConfirmedServiceError>(samples::CONFIRMED_SERVICE_ERRORS);
    }

    #[test]
    fn a_counter_belongs_to_code_6_only() {
        let counter = ExceptionResponse::parse_all(&[0xD8, 1, 6, 0, 0, 1, 0])
            .map(|response| response.invocation_counter);
        assert_eq!(counter, Ok(Some(256)));
        let without =
            ExceptionResponse::parse_all(&[0xD8, 1, 6]).map(|response| response.invocation_counter);
        assert_eq!(without, Ok(None));
        let error = ExceptionResponse::parse_all(&[0xD8, 1, 5, 0, 0, 1, 0]);
        assert_eq!(
            error,
            Err(DecodeError::new(DecodeErrorKind::TrailingData, 3))
        );
        let cut = ExceptionResponse::parse_all(&[0xD8, 1, 6, 0, 0]);
        assert_eq!(cut, Err(DecodeError::new(DecodeErrorKind::Truncated, 5)));
    }
}
