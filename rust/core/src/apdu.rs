//! All APDUs that travel in plain form, told apart by their tag, and which side may send which.
//!
//! Ciphered, signed and block-transferred forms are taken off by the floors above; their tags are unexpected here.

use crate::acse::aare::AssociationResponse;
use crate::acse::aarq::AssociationRequest;
use crate::acse::release::{ReleaseRequest, ReleaseResponse};
use crate::axdr::RawData;
use crate::codec::{Emit, Limits, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::access::{AccessRequest, AccessResponse};
use crate::xdlms::action::{ActionRequest, ActionResponse};
use crate::xdlms::exception::{ConfirmedServiceError, ExceptionResponse};
use crate::xdlms::get::{GetRequest, GetResponse};
use crate::xdlms::notification::{DataNotification, DataNotificationConfirm, EventNotification};
use crate::xdlms::set::{SetRequest, SetResponse};
use crate::xdlms::short_name::read::{ReadRequest, ReadResponse};
use crate::xdlms::short_name::report::InformationReport;
use crate::xdlms::short_name::write::{UnconfirmedWriteRequest, WriteRequest, WriteResponse};

/// The two sides of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Asks.
    Client,
    /// Answers and notifies.
    Server,
}

macro_rules! apdus {
    ($($(#[$doc:meta])* $variant:ident($type:ty) from $sender:ident;)+) => {
        /// One APDU in plain form; `P` is the parameter of an ACTION.request, borrowed octets when parsed.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Apdu<'a, P = RawData<'a>> {
            $($(#[$doc])* $variant($type),)+
        }

        impl<'a> Apdu<'a> {
            /// Which side sends APDUs of this tag; `None` where the tag names no plain APDU.
            #[must_use]
            pub const fn sender(tag: u8) -> Option<Role> {
                type P = RawData<'static>; // no matter for a tag
                match tag {
                    $(<$type>::TAG => Some(Role::$sender),)+
                    _ => None,
                }
            }
        }

        impl<'a, P> Apdu<'a, P> {
            /// The first octet of the wire form.
            #[must_use]
            pub const fn tag(&self) -> u8 {
                match self { $(Self::$variant(_) => <$type>::TAG,)+ }
            }
        }

        impl<'a> Parse<'a> for Apdu<'a> {
            fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                type P = RawData<'static>; // no matter for a tag
                match reader.peek() {
                    $(Some(<$type>::TAG) => Parse::parse(reader).map(Self::$variant),)+
                    Some(_) => Err(reader.error(DecodeErrorKind::UnexpectedApdu)),
                    None => Err(reader.error(DecodeErrorKind::Truncated)),
                }
            }
        }

        impl<P: Emit> Emit for Apdu<'_, P> {
            fn emitted_len(&self) -> usize {
                match self { $(Self::$variant(apdu) => apdu.emitted_len(),)+ }
            }

            fn emit(&self, out: &mut Writer<'_>) {
                match self { $(Self::$variant(apdu) => apdu.emit(out),)+ }
            }
        }

        $(
            impl<'a, P> From<$type> for Apdu<'a, P> {
                fn from(apdu: $type) -> Self {
                    Self::$variant(apdu)
                }
            }
        )+
    };
}

apdus! {
    /// AARQ, tag 60.
    AssociationRequest(AssociationRequest<'a>) from Client;
    /// AARE, tag 61.
    AssociationResponse(AssociationResponse<'a>) from Server;
    /// RLRQ, tag 62.
    ReleaseRequest(ReleaseRequest<'a>) from Client;
    /// RLRE, tag 63.
    ReleaseResponse(ReleaseResponse<'a>) from Server;
    /// `confirmedServiceError`, tag 0E.
    ConfirmedServiceError(ConfirmedServiceError) from Server;
    /// data-notification, tag 0F.
    DataNotification(DataNotification<'a>) from Server;
    /// data-notification-confirm, tag 10.
    DataNotificationConfirm(DataNotificationConfirm) from Client;
    /// get-request, tag C0.
    GetRequest(GetRequest<'a>) from Client;
    /// set-request, tag C1.
    SetRequest(SetRequest<'a>) from Client;
    /// event-notification-request, tag C2.
    EventNotification(EventNotification<'a>) from Server;
    /// action-request, tag C3.
    ActionRequest(ActionRequest<'a, P>) from Client;
    /// get-response, tag C4.
    GetResponse(GetResponse<'a>) from Server;
    /// set-response, tag C5.
    SetResponse(SetResponse) from Server;
    /// action-response, tag C7.
    ActionResponse(ActionResponse<'a>) from Server;
    /// exception-response, tag D8.
    ExceptionResponse(ExceptionResponse) from Server;
    /// `ReadRequest`, tag 05.
    ReadRequest(ReadRequest<'a>) from Client;
    /// `WriteRequest`, tag 06.
    WriteRequest(WriteRequest<'a, P>) from Client;
    /// `ReadResponse`, tag 0C.
    ReadResponse(ReadResponse<'a>) from Server;
    /// `WriteResponse`, tag 0D.
    WriteResponse(WriteResponse) from Server;
    /// `UnconfirmedWriteRequest`, tag 16.
    UnconfirmedWriteRequest(UnconfirmedWriteRequest<'a, P>) from Client;
    /// `InformationReportRequest`, tag 18.
    InformationReport(InformationReport<'a>) from Server;
    /// access-request, tag D9.
    AccessRequest(AccessRequest<'a, P>) from Client;
    /// access-response, tag DA.
    AccessResponse(AccessResponse<'a>) from Server;
}

impl<'a> Apdu<'a> {
    /// Reads one APDU that takes up all of `data` and was sent by `role`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnexpectedApdu`] where the tag is unknown or belongs to the other side; else as [`Parse::parse_all`].
    pub fn parse_from(role: Role, data: &'a [u8]) -> Result<Self, DecodeError> {
        Self::parse_from_within(role, data, Limits::DEFAULT)
    }

    /// As [`Apdu::parse_from`], under limits of the caller's.
    ///
    /// # Errors
    /// As [`Apdu::parse_from`], and what says that a limit was reached.
    pub fn parse_from_within(
        role: Role,
        data: &'a [u8],
        limits: Limits,
    ) -> Result<Self, DecodeError> {
        match data.first() {
            Some(&tag) if Self::sender(tag) != Some(role) => {
                Err(DecodeError::new(DecodeErrorKind::UnexpectedApdu, 0))
            }
            _ => Self::parse_within(data, limits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_the_other_side_is_unexpected() {
        let unexpected = DecodeError::new(DecodeErrorKind::UnexpectedApdu, 0);
        let release = [0x62, 0];
        assert!(Apdu::parse_from(Role::Client, &release).is_ok());
        assert_eq!(Apdu::parse_from(Role::Server, &release), Err(unexpected));
        assert_eq!(Apdu::parse_from(Role::Client, &[0x63, 0]), Err(unexpected));
    }

    #[test]
    fn every_tag_has_one_sender_or_none() {
        let tags = |role| {
            (0..=u8::MAX)
                .filter(move |tag| Apdu::sender(*tag) == Some(role))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            tags(Role::Client),
            [0x05, 0x06, 0x10, 0x16, 0x60, 0x62, 0xC0, 0xC1, 0xC3, 0xD9]
        );
        assert_eq!(
            tags(Role::Server),
            [
                0x0C, 0x0D, 0x0E, 0x0F, 0x18, 0x61, 0x63, 0xC2, 0xC4, 0xC5, 0xC7, 0xD8, 0xDA
            ]
        );
        for tag in (0..=u8::MAX).filter(|tag| Apdu::sender(*tag).is_none()) {
            let error = Apdu::parse_all(&[tag, 0, 0, 0]).expect_err("no plain APDU");
            assert_eq!(error, DecodeError::new(DecodeErrorKind::UnexpectedApdu, 0));
        }
    }

    #[test]
    fn nothing_at_all_is_cut_short() {
        assert_eq!(
            Apdu::parse_from(Role::Server, &[]),
            Err(DecodeError::new(DecodeErrorKind::Truncated, 0))
        );
    }
}
