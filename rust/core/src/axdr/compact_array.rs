//! The compact array: one type description, then the elements one after another without tags.
//!
//! How many elements there are is not written anywhere; it follows from the octets. A description is multiplied out only
//! with checked arithmetic, and an expansion far beyond the octets that came is refused before it happens.

use crate::axdr::data::DataRef;
use crate::axdr::length::{length_len, read_length_form, write_length};
use crate::axdr::limits::{Guard, Options};
use crate::axdr::tag::Tag;
use crate::codec::{Emit, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// What one element is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Description {
    shape: Shape,
    /// The octets of a value, where they are the same for all.
    width: Option<usize>,
    /// The fewest octets of a value.
    least: usize,
    /// The values that one element is made of, itself included.
    values: usize,
    /// Whether any octets will do, because no value has a length, or could be refused where reading is strict.
    verbatim: bool,
}

/// The three forms of a type description.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A type without members.
    Simple(Tag),
    /// So many values of one type.
    Array(u16, Box<Description>),
    /// One value of each type.
    Structure(Box<[Description]>),
}

impl Description {
    /// A type without members; `None` where the tag is one of a type with members.
    #[must_use]
    pub fn simple(tag: Tag) -> Option<Self> {
        if matches!(tag, Tag::Array | Tag::Structure | Tag::CompactArray) {
            return None;
        }
        let width = tag.size();
        Some(Self {
            shape: Shape::Simple(tag),
            width,
            least: width.unwrap_or(1),
            values: 1,
            verbatim: width.is_some() && tag != Tag::Boolean,
        })
    }

    /// `count` values of `element`.
    #[must_use]
    pub fn array(count: u16, element: Self) -> Self {
        let times = usize::from(count);
        Self {
            width: if count == 0 {
                Some(0)
            } else {
                element.width.and_then(|width| width.checked_mul(times))
            },
            least: element.least.saturating_mul(times),
            values: element.values.saturating_mul(times).saturating_add(1),
            verbatim: count == 0 || element.verbatim,
            shape: Shape::Array(count, Box::new(element)),
        }
    }

    /// One value of each of `members`.
    #[must_use]
    pub fn structure(members: Vec<Self>) -> Self {
        Self {
            width: members
                .iter()
                .try_fold(0_usize, |sum, member| sum.checked_add(member.width?)),
            least: members
                .iter()
                .fold(0, |sum, member| sum.saturating_add(member.least)),
            verbatim: members.iter().all(|member| member.verbatim),
            values: members
                .iter()
                .fold(1, |sum, member| sum.saturating_add(member.values)),
            shape: Shape::Structure(members.into_boxed_slice()),
        }
    }

    /// Which of the three forms it is.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The type of a value.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        match self.shape {
            Shape::Simple(tag) => tag,
            Shape::Array(..) => Tag::Array,
            Shape::Structure(_) => Tag::Structure,
        }
    }

    /// The number of members of a value; 0 where it has none.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.shape {
            Shape::Simple(_) => 0,
            Shape::Array(count, _) => usize::from(*count),
            Shape::Structure(members) => members.len(),
        }
    }

    /// What member `index` of a value is made of.
    #[must_use]
    pub fn member(&self, index: usize) -> Option<&Self> {
        match &self.shape {
            Shape::Simple(_) => None,
            Shape::Array(_, element) => Some(element),
            Shape::Structure(members) => members.get(index),
        }
    }

    /// Whether a value takes no octets at all, so that nobody could say how many there are.
    #[must_use]
    pub const fn is_zero_width(&self) -> bool {
        self.least == 0
    }

    fn read(reader: &mut Reader<'_>, guard: &mut Guard) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let tag = Tag::try_from(reader.u8()?).map_err(|kind| DecodeError::new(kind, offset))?;
        match tag {
            Tag::Array => {
                let count = reader.u16()?;
                guard.enter(offset)?;
                let element = Self::read(reader, guard)?;
                guard.leave();
                Ok(Self::array(count, element))
            }
            Tag::Structure => {
                let count = read_length_form(reader, guard.options.strict)?;
                reader.clone().take(count)?; // every member costs at least one octet
                guard.enter(offset)?;
                let members = (0..count)
                    .map(|_| Self::read(reader, guard))
                    .collect::<Result<_, _>>()?;
                guard.leave();
                Ok(Self::structure(members))
            }
            _ => Self::simple(tag)
                .ok_or_else(|| DecodeError::new(DecodeErrorKind::UnexpectedTag, offset)),
        }
    }

    /// Steps over one value, which is looked at as closely as `options` say.
    fn skip(&self, reader: &mut Reader<'_>, options: &Options) -> Result<(), DecodeError> {
        if let Some(width) = self.width.filter(|_| self.verbatim || !options.strict) {
            return reader.take(width).map(drop);
        }
        match &self.shape {
            Shape::Simple(tag) => DataRef::read_body(*tag, reader, options).map(drop),
            Shape::Array(count, element) => {
                (0..*count).try_for_each(|_| element.skip(reader, options))
            }
            Shape::Structure(members) => members
                .iter()
                .try_for_each(|member| member.skip(reader, options)),
        }
    }
}

impl Emit for Description {
    fn emitted_len(&self) -> usize {
        match &self.shape {
            Shape::Simple(_) => 1,
            Shape::Array(_, element) => 3 + element.emitted_len(),
            Shape::Structure(members) => {
                let octets: usize = members.iter().map(Emit::emitted_len).sum();
                1 + length_len(members.len()) + octets
            }
        }
    }

    fn emit(&self, out: &mut Writer<'_>) {
        match &self.shape {
            Shape::Simple(tag) => out.u8(tag.code()),
            Shape::Array(count, element) => {
                out.u8(Tag::Array.code());
                out.u16(*count);
                element.emit(out);
            }
            Shape::Structure(members) => {
                out.u8(Tag::Structure.code());
                write_length(out, members.len());
                members.iter().for_each(|member| member.emit(out));
            }
        }
    }
}

/// A compact array whose contents have been found to be a whole number of elements.
#[derive(Clone, Debug)]
pub struct CompactArray<'a> {
    /// The type of every element.
    pub description: Description,
    /// How many elements there are.
    pub elements: usize,
    /// The elements one after another, to be read with the description.
    pub contents: Reader<'a>,
}

impl<'a> CompactArray<'a> {
    /// Reads a compact array without its tag; `guard` has been told to enter it.
    ///
    /// # Errors
    /// [`DecodeErrorKind::ZeroWidthElement`] or [`DecodeErrorKind::ExpansionLimit`] at the first octet of the contents,
    /// [`DecodeErrorKind::WrongLength`] where they are not a whole number of elements, and what is wrong with the description.
    pub fn read(reader: &mut Reader<'a>, guard: &mut Guard) -> Result<Self, DecodeError> {
        let description = Description::read(reader, guard)?;
        if matches!(description.shape, Shape::Array(..)) {
            guard.note_unusual();
        }
        let offset = reader.offset();
        let length = read_length_form(reader, guard.options.strict)?;
        guard.options.allow(length, offset)?;
        let contents = reader.sub(length)?;
        let elements = count_elements(&description, contents.clone(), guard)?;
        Ok(Self {
            description,
            elements,
            contents,
        })
    }
}

fn count_elements(
    description: &Description,
    mut contents: Reader<'_>,
    guard: &mut Guard,
) -> Result<usize, DecodeError> {
    let offset = contents.offset();
    let length = contents.remaining();
    if length == 0 {
        return Ok(0);
    }
    if description.is_zero_width() {
        return Err(contents.error(DecodeErrorKind::ZeroWidthElement));
    }
    if length < description.least {
        return Err(contents.error(DecodeErrorKind::WrongLength));
    }
    let surplus = description.values.saturating_sub(description.least);
    let values = description.values;
    if let Some(width) = description.width {
        let rest = length % width;
        if rest != 0 {
            let cut = offset + length - rest;
            return Err(DecodeError::new(DecodeErrorKind::WrongLength, cut));
        }
        guard.expand(length / width, values, surplus, offset)?;
        if description.verbatim || !guard.options.strict {
            return Ok(length / width);
        }
        while !contents.is_empty() {
            description.skip(&mut contents, &guard.options)?;
        }
        return Ok(length / width);
    }
    let mut elements = 0;
    while !contents.is_empty() {
        guard.expand(1, values, surplus, offset)?;
        description
            .skip(&mut contents, &guard.options)
            .map_err(|error| match error.kind {
                // The contents are all there; it is their length that does not fit the elements.
                DecodeErrorKind::Truncated => {
                    DecodeError::new(DecodeErrorKind::WrongLength, error.offset)
                }
                _ => error,
            })?;
        elements += 1;
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecodeErrorKind::{
        ExpansionLimit, LengthForm, TooDeep, Truncated, UnexpectedTag, UnknownTag, WrongLength,
        ZeroWidthElement,
    };

    fn elements(octets: &[u8]) -> Result<usize, DecodeErrorKind> {
        let mut reader = Reader::new(octets);
        CompactArray::read(&mut reader, &mut Guard::new(Options::STRICT))
            .map(|array| array.elements)
            .map_err(|error| error.kind)
    }

    #[test]
    fn elements_follow_from_the_octets() {
        assert_eq!(elements(&[0x12, 0x04, 0, 1, 0, 2]), Ok(2));
        assert_eq!(elements(&[0x12, 0x00]), Ok(0));
        assert_eq!(
            elements(&[0x02, 0x02, 0x12, 0x11, 0x06, 0, 1, 5, 0, 2, 6]),
            Ok(2)
        );
        assert_eq!(elements(&[0x01, 0x00, 0x02, 0x11, 0x04, 1, 2, 3, 4]), Ok(2));
        assert_eq!(elements(&[0x09, 0x05, 0x02, 1, 2, 0x01, 3]), Ok(2));
        assert_eq!(elements(&[0x04, 0x05, 0x09, 1, 0x80, 0x01, 0x80]), Ok(2));
        assert_eq!(elements(&[0x02, 0x02, 0x00, 0x11, 0x02, 1, 2]), Ok(2));
    }

    #[test]
    fn elements_without_octets_are_refused() {
        for description in [
            &[0x00][..],
            &[0xFF],
            &[0x02, 0x00],
            &[0x01, 0x00, 0x00, 0x11],
            &[0x02, 0x01, 0x00],
        ] {
            assert_eq!(
                elements(&[description, &[0x01, 0x00]].concat()),
                Err(ZeroWidthElement)
            );
            assert_eq!(elements(&[description, &[0x00]].concat()), Ok(0));
        }
    }

    #[test]
    fn contents_are_a_whole_number_of_elements() {
        assert_eq!(elements(&[0x12, 0x03, 0, 1, 0]), Err(WrongLength));
        assert_eq!(elements(&[0x09, 0x04, 0x02, 1, 2, 0x01]), Err(WrongLength));
        assert_eq!(elements(&[0x09, 0x03, 0x81, 0x01, 0x00]), Err(LengthForm));
        assert_eq!(elements(&[0x12, 0x04, 0, 1]), Err(Truncated));
    }

    #[test]
    fn descriptions_hold_only_what_they_may() {
        assert_eq!(elements(&[0x13, 0x11, 0x00]), Err(UnexpectedTag));
        assert_eq!(elements(&[0x0E, 0x00]), Err(UnknownTag));
        assert_eq!(elements(&[0x02, 0x05, 0x11]), Err(Truncated));
        let nested = [[0x02, 0x01].repeat(17), vec![0x11, 0x00]].concat();
        assert_eq!(elements(&nested), Err(TooDeep));
        assert_eq!(elements(&nested[2..]), Ok(0));
    }

    #[test]
    fn a_description_that_explodes_is_refused_before_it_does() {
        // 65,535 × 65,535 null-data and one octet to pay for them.
        let huge = [0x02, 0x02, 0x01, 0xFF, 0xFF, 0x01, 0xFF, 0xFF, 0x00, 0x11];
        assert_eq!(
            elements(&[&huge[..], &[0x01, 0x07]].concat()),
            Err(ExpansionLimit)
        );
        // Five levels of 65,535 octets do not fit a machine word, let alone the contents.
        let wide = [[0x01, 0xFF, 0xFF].repeat(5), vec![0x11, 0x01, 0x00]].concat();
        assert_eq!(elements(&wide), Err(WrongLength));
        // With a string in it the width is not fixed, and the limit holds element by element.
        let loose = [
            0x02, 0x02, 0x01, 0xFF, 0xFF, 0x00, 0x09, 0x05, 0, 0, 0, 0, 0,
        ];
        assert_eq!(elements(&loose), Err(ExpansionLimit));
    }

    #[test]
    fn a_description_is_emitted_as_it_was_read() {
        let octets = [0x02, 0x03, 0x12, 0x01, 0x00, 0x02, 0x09, 0x02, 0x01, 0xFF];
        let mut reader = Reader::new(&octets);
        let mut guard = Guard::new(Options::STRICT);
        let description = Description::read(&mut reader, &mut guard).expect("a description");
        assert_eq!(description.to_vec(), octets);
        assert_eq!(Description::simple(Tag::Array), None);
    }
}
