//! SEQUENCE OF: an element count in the A-XDR length form, then the elements. The count is held against what is left before
//! anything is allocated.

use crate::axdr::RawData;
use crate::axdr::length::{length_len, read_length_form, write_length};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// What may stand in a SEQUENCE OF: a type that says how few octets one value can take.
pub trait Element {
    /// The length of the shortest value; at least 1.
    const SHORTEST: usize;
}

impl Element for RawData<'_> {
    const SHORTEST: usize = 1;
}

/// The elements of a SEQUENCE OF, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceOf<T>(pub Vec<T>);

impl<'a, T: Parse<'a> + Element> Parse<'a> for SequenceOf<T> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let count = read_length_form(reader, false)?;
        // Never room for more elements than the octets left can hold, whatever is announced.
        let room = count.min(reader.remaining() / T::SHORTEST);
        if room > reader.limits().max_elements as usize {
            return Err(DecodeError::new(DecodeErrorKind::ElementLimit, offset));
        }
        let mut elements = Vec::with_capacity(room);
        for _ in 0..count {
            elements.push(T::parse(reader)?);
        }
        Ok(Self(elements))
    }
}

impl<T: Emit> Emit for SequenceOf<T> {
    fn emitted_len(&self) -> usize {
        length_len(self.0.len()) + self.0.iter().map(Emit::emitted_len).sum::<usize>()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        write_length(out, self.0.len());
        for element in &self.0 {
            element.emit(out);
        }
    }
}

/// Pairs the elements of two sequences that must be equally long, the second of which begins at `offset`.
pub(super) fn zip<A, B, T>(
    first: SequenceOf<A>,
    second: SequenceOf<B>,
    offset: usize,
    pair: impl Fn(A, B) -> T,
) -> Result<Vec<T>, DecodeError> {
    if first.0.len() != second.0.len() {
        return Err(DecodeError::new(DecodeErrorKind::WrongLength, offset));
    }
    Ok(first
        .0
        .into_iter()
        .zip(second.0)
        .map(|(a, b)| pair(a, b))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Limits;
    use crate::xdlms::descriptor::AttributeSelection;

    #[test]
    fn a_count_that_is_a_lie_costs_nothing() {
        for (data, kind) in [
            (
                &[0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x00][..],
                DecodeErrorKind::LengthTooLarge,
            ),
            (
                &[0x84, 0x0F, 0xFF, 0xFF, 0xFF, 0x00][..],
                DecodeErrorKind::Truncated,
            ),
            (
                &[0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
                DecodeErrorKind::Truncated,
            ),
        ] {
            let parsed = SequenceOf::<AttributeSelection<'_>>::parse_all(data);
            assert_eq!(parsed.map_err(|error| error.kind), Err(kind));
        }
    }

    #[test]
    fn a_list_has_no_more_elements_than_the_limit() {
        let limits = Limits {
            max_elements: 2,
            ..Limits::DEFAULT
        };
        let parsed = |octets| SequenceOf::<RawData<'_>>::parse_within(octets, limits);
        assert_eq!(parsed(&[2, 0, 0]).map(|list| list.0.len()), Ok(2));
        let refused = DecodeError::new(DecodeErrorKind::ElementLimit, 0);
        assert_eq!(parsed(&[3, 0, 0, 0]), Err(refused));
    }
}
