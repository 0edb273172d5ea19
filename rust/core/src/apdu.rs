//! All APDUs that travel in plain form, told apart by their tag, and which side may send which.
//!
//! Ciphered, signed and block-transferred forms are taken off by the floors above; their tags are unexpected here.

use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::action::{ActionRequest, ActionResponse};
use crate::xdlms::exception::{ConfirmedServiceError, ExceptionResponse};
use crate::xdlms::get::{GetRequest, GetResponse};
use crate::xdlms::notification::{DataNotification, EventNotification};
use crate::xdlms::set::{SetRequest, SetResponse};

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
        /// One APDU in plain form.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Apdu<'a> {
            $($(#[$doc])* $variant($type),)+
        }

        impl<'a> Apdu<'a> {
            /// Which side sends APDUs of this tag; `None` where the tag names no plain APDU.
            #[must_use]
            pub const fn sender(tag: u8) -> Option<Role> {
                match tag {
                    $(<$type>::TAG => Some(Role::$sender),)+
                    _ => None,
                }
            }
        }

        impl<'a> Parse<'a> for Apdu<'a> {
            fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                match reader.peek() {
                    $(Some(<$type>::TAG) => Parse::parse(reader).map(Self::$variant),)+
                    Some(_) => Err(reader.error(DecodeErrorKind::UnexpectedApdu)),
                    None => Err(reader.error(DecodeErrorKind::Truncated)),
                }
            }
        }

        impl Emit for Apdu<'_> {
            fn emitted_len(&self) -> usize {
                match self { $(Self::$variant(apdu) => apdu.emitted_len(),)+ }
            }

            fn emit(&self, out: &mut Writer<'_>) {
                match self { $(Self::$variant(apdu) => apdu.emit(out),)+ }
            }
        }

        $(
            impl<'a> From<$type> for Apdu<'a> {
                fn from(apdu: $type) -> Self {
                    Self::$variant(apdu)
                }
            }
        )+
    };
}

apdus! {
    /// confirmedServiceError, tag 0E.
    ConfirmedServiceError(ConfirmedServiceError) from Server;
    /// data-notification, tag 0F.
    DataNotification(DataNotification<'a>) from Server;
    /// get-request, tag C0.
    GetRequest(GetRequest<'a>) from Client;
    /// set-request, tag C1.
    SetRequest(SetRequest<'a>) from Client;
    /// event-notification-request, tag C2.
    EventNotification(EventNotification<'a>) from Server;
    /// action-request, tag C3.
    ActionRequest(ActionRequest<'a>) from Client;
    /// get-response, tag C4.
    GetResponse(GetResponse<'a>) from Server;
    /// set-response, tag C5.
    SetResponse(SetResponse) from Server;
    /// action-response, tag C7.
    ActionResponse(ActionResponse<'a>) from Server;
    /// exception-response, tag D8.
    ExceptionResponse(ExceptionResponse) from Server;
}

impl<'a> Apdu<'a> {
    /// Reads one APDU that takes up all of `data` and was sent by `role`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnexpectedApdu`] where the tag is unknown or belongs to the other side; else as [`Parse::parse_all`].
    pub fn parse_from(role: Role, data: &'a [u8]) -> Result<Self, DecodeError> {
        match data.first() {
            Some(&tag) if Self::sender(tag) != Some(role) => {
                Err(DecodeError::new(DecodeErrorKind::UnexpectedApdu, 0))
            }
            _ => Self::parse_all(data),
        }
    }
}
