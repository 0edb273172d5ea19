//! How an AARQ or AARE names an application entity: title, qualifier and two invocation ids, under four tags in a row.

use core::fmt;

use crate::ber;
use crate::codec::Writer;
use crate::error::DecodeError;

/// The called, the calling or the responding application entity.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ApplicationEntity<'a> {
    /// AP-title: a system title.
    pub ap_title: Option<&'a [u8]>,
    /// AE-qualifier: the certificate of a digital signature key.
    pub ae_qualifier: Option<&'a [u8]>,
    /// AP-invocation-identifier.
    pub ap_invocation_id: Option<i32>,
    /// AE-invocation-identifier; of the calling entity who of the client's users asks.
    pub ae_invocation_id: Option<i32>,
}

impl fmt::Debug for ApplicationEntity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationEntity")
            .field("ap_title", &self.ap_title)
            .field("ae_qualifier", &self.ae_qualifier)
            .field("ap_invocation_id", &self.ap_invocation_id)
            .field("ae_invocation_id", &self.ae_invocation_id)
            .finish()
    }
}

impl<'a> ApplicationEntity<'a> {
    /// Takes `element` if it is one of the four that begin with the tag `first`.
    pub(super) fn read(
        &mut self,
        first: u8,
        element: &ber::Element<'a>,
    ) -> Result<bool, DecodeError> {
        let mut contents = element.contents.clone();
        match element.tag.wrapping_sub(first) {
            0 => self.ap_title = Some(super::read_octets(contents, ber::OCTET_STRING)?),
            1 => self.ae_qualifier = Some(super::read_octets(contents, ber::OCTET_STRING)?),
            2 => self.ap_invocation_id = Some(ber::read_integer(&mut contents)?),
            3 => self.ae_invocation_id = Some(ber::read_integer(&mut contents)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn emitted_len(&self) -> usize {
        let invocation_id =
            |id: Option<i32>| id.map_or(0, |id| ber::element_len(ber::integer_len(id)));
        super::octets_len(self.ap_title)
            + super::octets_len(self.ae_qualifier)
            + invocation_id(self.ap_invocation_id)
            + invocation_id(self.ae_invocation_id)
    }

    pub(super) fn emit(&self, first: u8, out: &mut Writer<'_>) {
        super::emit_octets(out, first, ber::OCTET_STRING, self.ap_title);
        super::emit_octets(out, first + 1, ber::OCTET_STRING, self.ae_qualifier);
        for (tag, id) in [
            (first + 2, self.ap_invocation_id),
            (first + 3, self.ae_invocation_id),
        ] {
            if let Some(id) = id {
                ber::write_header(out, tag, ber::integer_len(id));
                ber::write_integer(out, id);
            }
        }
    }
}
