//! RLRQ and RLRE: the orderly end of an association. `62 00` and `63 00` are complete.

use crate::ber::{self, Elements};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;

const REASON: u8 = 0x80;

/// The two APDUs are alike but for their tag and the meaning of their reasons.
macro_rules! release {
    ($(#[$meta:meta])* $name:ident $tag:literal { $(#[$doc:meta])* reason }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub struct $name<'a> {
            $(#[$doc])*
            pub reason: Option<u8>,
            /// The initiate APDU again, ciphered, as proof against forgery.
            pub user_information: Option<&'a [u8]>,
        }

        impl $name<'_> {
            /// The tag of the APDU.
            pub const TAG: u8 = $tag;

            fn contents_len(&self) -> usize {
                let reason = if self.reason.is_some() { ber::element_len(1) } else { 0 };
                reason + super::octets_len(self.user_information)
            }
        }

        impl<'a> Parse<'a> for $name<'a> {
            fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let mut release = Self::default();
                let mut elements = Elements::new(ber::read(reader, Self::TAG)?);
                while let Some(element) = elements.next_element()? {
                    let mut contents = element.contents.clone();
                    match element.tag {
                        REASON => release.reason = Some(ber::one_octet(&mut contents)?),
                        super::USER_INFORMATION => {
                            release.user_information = Some(super::read_octets(contents, ber::OCTET_STRING)?);
                        }
                        _ if matches!(element.number(), 1..=29) => {}
                        _ => return Err(element.unexpected()),
                    }
                }
                Ok(release)
            }
        }

        impl Emit for $name<'_> {
            fn emitted_len(&self) -> usize {
                ber::element_len(self.contents_len())
            }

            fn emit(&self, out: &mut Writer<'_>) {
                ber::write_header(out, Self::TAG, self.contents_len());
                if let Some(reason) = self.reason {
                    ber::write(out, REASON, &[reason]);
                }
                super::emit_octets(out, super::USER_INFORMATION, ber::OCTET_STRING, self.user_information);
            }
        }
    };
}

release! {
    /// RLRQ.
    ReleaseRequest 0x62 {
        /// 0 normal, 1 urgent, 30 user defined.
        reason
    }
}

release! {
    /// RLRE.
    ReleaseResponse 0x63 {
        /// 0 normal, 1 not finished, 30 user defined.
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;
    use crate::xdlms::samples::{check_samples, hex};

    #[test]
    fn samples_survive() {
        check_samples::<ReleaseRequest<'_>>(&["6200", "6203800100", "620A 80011E BE0504032101AA"]);
        check_samples::<ReleaseResponse<'_>>(&[
            "6300",
            "6303800101",
            "6328 800100 BE230421281F3001234567891214A0845E475714383F65BC19745CA235906525E4F3E1C893",
        ]);
    }

    #[test]
    fn a_reason_is_one_octet() {
        let error = ReleaseRequest::parse_all(&hex("620480020000")).expect_err("two octets");
        assert_eq!(error, DecodeError::new(DecodeErrorKind::WrongLength, 4));
    }
}
