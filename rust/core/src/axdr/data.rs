//! The Data CHOICE in its wire form: node by node, borrowed, and as the extent of one whole value.
//!
//! A node is a simple value, or the head of an array, structure or compact array whose elements follow in the reader.
//! Whoever builds values reads a head and then as many nodes as it says; nothing is kept in between.

use crate::axdr::bits::BitString;
use crate::axdr::compact_array::{CompactArray, Description, Shape};
use crate::axdr::datetime::{Date, DateTime, Time};
use crate::axdr::length::{length_len, octets_len, read_length_form, write_length, write_octets};
use crate::axdr::limits::{Guard, Options};
use crate::axdr::tag::Tag;
use crate::codec::{Emit, Limits, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// One node of Data, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DataRef<'a> {
    /// No value.
    NullData,
    /// So many elements follow, each with its tag.
    Array(usize),
    /// So many members follow, each with its tag.
    Structure(usize),
    /// Truth.
    Boolean(bool),
    /// Bits.
    BitString(BitString<'a>),
    /// 32 bits, signed.
    DoubleLong(i32),
    /// 32 bits, unsigned.
    DoubleLongUnsigned(u32),
    /// Obsolete; the octets as they are.
    FloatingPoint([u8; 4]),
    /// Octets.
    OctetString(&'a [u8]),
    /// ASCII text, unchecked.
    VisibleString(&'a [u8]),
    /// Obsolete; the characters as they are.
    GeneralizedTime(&'a [u8]),
    /// UTF-8 text, unchecked.
    Utf8String(&'a [u8]),
    /// Two decimal digits, the octet as it is.
    Bcd(u8),
    /// 8 bits, signed.
    Integer(i8),
    /// 16 bits, signed.
    Long(i16),
    /// 8 bits, unsigned.
    Unsigned(u8),
    /// 16 bits, unsigned.
    LongUnsigned(u16),
    /// A type description and the contents follow: see [`CompactArray::read`].
    CompactArray,
    /// 64 bits, signed.
    Long64(i64),
    /// 64 bits, unsigned.
    Long64Unsigned(u64),
    /// A code.
    Enum(u8),
    /// IEEE 754, the bits of 4 octets, so that no NaN is changed by being looked at.
    Float32(u32),
    /// IEEE 754, the bits of 8 octets.
    Float64(u64),
    /// 12 octets.
    DateTime(DateTime),
    /// 5 octets.
    Date(Date),
    /// 4 octets.
    Time(Time),
    /// Difference of 8 bits, signed.
    DeltaInteger(i8),
    /// Difference of 16 bits, signed.
    DeltaLong(i16),
    /// Difference of 32 bits, signed.
    DeltaDoubleLong(i32),
    /// Increment of 8 bits.
    DeltaUnsigned(u8),
    /// Increment of 16 bits.
    DeltaLongUnsigned(u16),
    /// Increment of 32 bits.
    DeltaDoubleLongUnsigned(u32),
    /// No value, and none is wanted.
    DontCare,
}

/// Somebody who makes something of a node. [`DataRef::take`] has a call for each type, so that an inlined
/// [`Take::take`] need not find out again which one it is.
pub trait Take<'a>: Sized {
    /// What is made.
    type Made;
    /// Why it could not be.
    type Error: From<DecodeError>;

    /// Makes it.
    ///
    /// # Errors
    /// What is wrong with the node, or with making something of it.
    fn take(self, node: DataRef<'a>) -> Result<Self::Made, Self::Error>;
}

/// The node itself.
struct Itself;

impl<'a> Take<'a> for Itself {
    type Made = DataRef<'a>;
    type Error = DecodeError;

    #[inline(always)]
    fn take(self, node: DataRef<'a>) -> Result<DataRef<'a>, DecodeError> {
        Ok(node)
    }
}

impl<'a> DataRef<'a> {
    /// Reads one node with its tag.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnknownTag`] at the tag, and as [`DataRef::read_body`].
    #[inline]
    pub fn read(reader: &mut Reader<'a>, options: &Options) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let tag = Tag::try_from(reader.u8()?).map_err(|kind| DecodeError::new(kind, offset))?;
        Self::read_body(tag, reader, options)
    }

    /// Reads the head of an array or structure, and says how many members follow.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnexpectedTag`] where it is another value, and as [`DataRef::read_body`].
    #[inline]
    pub fn read_head(reader: &mut Reader<'_>, options: &Options) -> Result<usize, DecodeError> {
        const ARRAY: u8 = Tag::Array.code();
        const STRUCTURE: u8 = Tag::Structure.code();
        match reader.peek() {
            Some(tag @ (ARRAY | STRUCTURE)) => {
                reader.expect(tag)?;
                read_count(reader, options)
            }
            Some(_) => Err(reader.error(DecodeErrorKind::UnexpectedTag)),
            None => Err(reader.error(DecodeErrorKind::Truncated)),
        }
    }

    /// Reads one node as a compact array has it, without a tag.
    ///
    /// # Errors
    /// As [`DataRef::read_body`].
    pub fn read_described(
        description: &Description,
        reader: &mut Reader<'a>,
        options: &Options,
    ) -> Result<Self, DecodeError> {
        match description.shape() {
            Shape::Simple(tag) => Self::read_body(*tag, reader, options),
            Shape::Array(count, _) => Ok(Self::Array(usize::from(*count))),
            Shape::Structure(members) => Ok(Self::Structure(members.len())),
        }
    }

    /// Reads what follows `tag`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`], also where an array or structure announces more elements than octets are left,
    /// [`DecodeErrorKind::CountTooLarge`] where no data could hold them; where strict [`DecodeErrorKind::ValueOutOfRange`] for
    /// a boolean other than 0 and 1 and [`DecodeErrorKind::Padding`].
    #[inline]
    pub fn read_body(
        tag: Tag,
        reader: &mut Reader<'a>,
        options: &Options,
    ) -> Result<Self, DecodeError> {
        Self::take_body(tag, reader, options, Itself)
    }

    /// As [`DataRef::read`], for somebody who makes something of the node at once.
    ///
    /// # Errors
    /// As [`DataRef::read`], and those of `taker`.
    #[inline(always)]
    pub fn take<T: Take<'a>>(
        reader: &mut Reader<'a>,
        options: &Options,
        taker: T,
    ) -> Result<T::Made, T::Error> {
        let offset = reader.offset();
        let tag = Tag::try_from(reader.u8()?).map_err(|kind| DecodeError::new(kind, offset))?;
        Self::take_body(tag, reader, options, taker)
    }

    /// As [`DataRef::read_body`], for somebody who makes something of the node at once.
    ///
    /// # Errors
    /// As [`DataRef::read_body`], and those of `taker`.
    #[inline(always)]
    pub fn take_body<T: Take<'a>>(
        tag: Tag,
        reader: &mut Reader<'a>,
        options: &Options,
        taker: T,
    ) -> Result<T::Made, T::Error> {
        match tag {
            Tag::NullData => taker.take(Self::NullData),
            Tag::Array => taker.take(Self::Array(read_count(reader, options)?)),
            Tag::Structure => taker.take(Self::Structure(read_count(reader, options)?)),
            Tag::Boolean => taker.take(Self::Boolean(read_boolean(reader, options)?)),
            Tag::BitString => taker.take(Self::BitString(BitString::read(reader, options)?)),
            Tag::DoubleLong => taker.take(Self::DoubleLong(reader.i32()?)),
            Tag::DoubleLongUnsigned => taker.take(Self::DoubleLongUnsigned(reader.u32()?)),
            Tag::FloatingPoint => taker.take(Self::FloatingPoint(reader.array()?)),
            Tag::OctetString => taker.take(Self::OctetString(read_string(reader, options)?)),
            Tag::VisibleString => taker.take(Self::VisibleString(read_string(reader, options)?)),
            Tag::GeneralizedTime => {
                taker.take(Self::GeneralizedTime(read_string(reader, options)?))
            }
            Tag::Utf8String => taker.take(Self::Utf8String(read_string(reader, options)?)),
            Tag::Bcd => taker.take(Self::Bcd(reader.u8()?)),
            Tag::Integer => taker.take(Self::Integer(reader.i8()?)),
            Tag::Long => taker.take(Self::Long(reader.i16()?)),
            Tag::Unsigned => taker.take(Self::Unsigned(reader.u8()?)),
            Tag::LongUnsigned => taker.take(Self::LongUnsigned(reader.u16()?)),
            Tag::CompactArray => taker.take(Self::CompactArray),
            Tag::Long64 => taker.take(Self::Long64(reader.i64()?)),
            Tag::Long64Unsigned => taker.take(Self::Long64Unsigned(reader.u64()?)),
            Tag::Enum => taker.take(Self::Enum(reader.u8()?)),
            Tag::Float32 => taker.take(Self::Float32(reader.u32()?)),
            Tag::Float64 => taker.take(Self::Float64(reader.u64()?)),
            Tag::DateTime => taker.take(Self::DateTime(DateTime::parse(reader)?)),
            Tag::Date => taker.take(Self::Date(Date::parse(reader)?)),
            Tag::Time => taker.take(Self::Time(Time::parse(reader)?)),
            Tag::DeltaInteger => taker.take(Self::DeltaInteger(reader.i8()?)),
            Tag::DeltaLong => taker.take(Self::DeltaLong(reader.i16()?)),
            Tag::DeltaDoubleLong => taker.take(Self::DeltaDoubleLong(reader.i32()?)),
            Tag::DeltaUnsigned => taker.take(Self::DeltaUnsigned(reader.u8()?)),
            Tag::DeltaLongUnsigned => taker.take(Self::DeltaLongUnsigned(reader.u16()?)),
            Tag::DeltaDoubleLongUnsigned => {
                taker.take(Self::DeltaDoubleLongUnsigned(reader.u32()?))
            }
            Tag::DontCare => taker.take(Self::DontCare),
        }
    }

    /// The type of the node.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        match self {
            Self::NullData => Tag::NullData,
            Self::Array(_) => Tag::Array,
            Self::Structure(_) => Tag::Structure,
            Self::Boolean(_) => Tag::Boolean,
            Self::BitString(_) => Tag::BitString,
            Self::DoubleLong(_) => Tag::DoubleLong,
            Self::DoubleLongUnsigned(_) => Tag::DoubleLongUnsigned,
            Self::FloatingPoint(_) => Tag::FloatingPoint,
            Self::OctetString(_) => Tag::OctetString,
            Self::VisibleString(_) => Tag::VisibleString,
            Self::GeneralizedTime(_) => Tag::GeneralizedTime,
            Self::Utf8String(_) => Tag::Utf8String,
            Self::Bcd(_) => Tag::Bcd,
            Self::Integer(_) => Tag::Integer,
            Self::Long(_) => Tag::Long,
            Self::Unsigned(_) => Tag::Unsigned,
            Self::LongUnsigned(_) => Tag::LongUnsigned,
            Self::CompactArray => Tag::CompactArray,
            Self::Long64(_) => Tag::Long64,
            Self::Long64Unsigned(_) => Tag::Long64Unsigned,
            Self::Enum(_) => Tag::Enum,
            Self::Float32(_) => Tag::Float32,
            Self::Float64(_) => Tag::Float64,
            Self::DateTime(_) => Tag::DateTime,
            Self::Date(_) => Tag::Date,
            Self::Time(_) => Tag::Time,
            Self::DeltaInteger(_) => Tag::DeltaInteger,
            Self::DeltaLong(_) => Tag::DeltaLong,
            Self::DeltaDoubleLong(_) => Tag::DeltaDoubleLong,
            Self::DeltaUnsigned(_) => Tag::DeltaUnsigned,
            Self::DeltaLongUnsigned(_) => Tag::DeltaLongUnsigned,
            Self::DeltaDoubleLongUnsigned(_) => Tag::DeltaDoubleLongUnsigned,
            Self::DontCare => Tag::DontCare,
        }
    }

    /// The number of octets behind the tag that [`DataRef::emit_body`] writes.
    #[must_use]
    pub fn body_len(&self) -> usize {
        match self {
            Self::Array(count) | Self::Structure(count) => length_len(*count),
            Self::BitString(bits) => bits.emitted_len(),
            Self::OctetString(octets)
            | Self::VisibleString(octets)
            | Self::GeneralizedTime(octets)
            | Self::Utf8String(octets) => octets_len(octets),
            _ => self.tag().size().unwrap_or(0),
        }
    }

    /// Writes the node without its tag; of an array or structure the count.
    pub fn emit_body(&self, out: &mut Writer<'_>) {
        match self {
            Self::NullData | Self::CompactArray | Self::DontCare => {}
            Self::Array(count) | Self::Structure(count) => write_length(out, *count),
            Self::Boolean(value) => out.u8(u8::from(*value)),
            Self::BitString(bits) => bits.emit(out),
            Self::FloatingPoint(octets) => out.put(octets),
            Self::OctetString(octets)
            | Self::VisibleString(octets)
            | Self::GeneralizedTime(octets)
            | Self::Utf8String(octets) => write_octets(out, octets),
            Self::Bcd(value)
            | Self::Unsigned(value)
            | Self::Enum(value)
            | Self::DeltaUnsigned(value) => out.u8(*value),
            Self::Integer(value) | Self::DeltaInteger(value) => out.i8(*value),
            Self::Long(value) | Self::DeltaLong(value) => out.i16(*value),
            Self::LongUnsigned(value) | Self::DeltaLongUnsigned(value) => out.u16(*value),
            Self::DoubleLong(value) | Self::DeltaDoubleLong(value) => out.i32(*value),
            Self::DoubleLongUnsigned(value)
            | Self::DeltaDoubleLongUnsigned(value)
            | Self::Float32(value) => {
                out.u32(*value);
            }
            Self::Long64(value) => out.i64(*value),
            Self::Long64Unsigned(value) | Self::Float64(value) => out.u64(*value),
            Self::DateTime(value) => value.emit(out),
            Self::Date(value) => value.emit(out),
            Self::Time(value) => value.emit(out),
        }
    }
}

/// The tag and the body of the node; elements that follow a head are for the caller to write.
impl Emit for DataRef<'_> {
    fn emitted_len(&self) -> usize {
        1 + self.body_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(self.tag().code());
        self.emit_body(out);
    }
}

#[inline]
fn read_count(reader: &mut Reader<'_>, options: &Options) -> Result<usize, DecodeError> {
    let count = read_length_form(reader, options.strict).map_err(|error| match error.kind {
        DecodeErrorKind::LengthTooLarge => {
            DecodeError::new(DecodeErrorKind::CountTooLarge, error.offset)
        }
        _ => error,
    })?;
    reader.clone().take(count)?; // every element costs at least one octet
    Ok(count)
}

fn read_boolean(reader: &mut Reader<'_>, options: &Options) -> Result<bool, DecodeError> {
    let offset = reader.offset();
    match reader.u8()? {
        value @ 2.. if options.strict && value > 1 => {
            Err(DecodeError::new(DecodeErrorKind::ValueOutOfRange, offset))
        }
        value => Ok(value != 0),
    }
}

#[inline]
fn read_string<'a>(reader: &mut Reader<'a>, options: &Options) -> Result<&'a [u8], DecodeError> {
    let offset = reader.offset();
    let length = read_length_form(reader, options.strict)?;
    options.allow(length, offset)?;
    reader.take(length)
}

/// One complete Data value in its wire form, tag included: its structure has been checked, its meaning has not.
///
/// Parsing is tolerant and iterative: it finds where the value ends. How strictly the value is read is for the type that
/// gives it a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawData<'a>(&'a [u8]);

impl<'a> RawData<'a> {
    /// Octets that the caller knows to be the wire form of one value.
    #[must_use]
    pub const fn trusted(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The wire form.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Reads one value under `options`.
    ///
    /// # Errors
    /// As the nodes of which it is made, and [`DecodeErrorKind::TooDeep`].
    pub fn read(reader: &mut Reader<'a>, options: Options) -> Result<Self, DecodeError> {
        Self::read_guarded(reader, &mut Guard::new(options))
    }

    /// Reads one value that is part of what `guard` watches over.
    ///
    /// # Errors
    /// As [`RawData::read`].
    pub fn read_guarded(reader: &mut Reader<'a>, guard: &mut Guard) -> Result<Self, DecodeError> {
        let mark = reader.offset();
        let mut open = [0; Limits::HARD_MAX_DEPTH];
        let mut depth = 0;
        loop {
            let offset = reader.offset();
            let unchecked = reader.peek().and_then(Tag::size_unchecked);
            let node = if let Some(size) = unchecked {
                reader.take(1 + size)?;
                DataRef::NullData
            } else {
                DataRef::read(reader, &guard.options)?
            };
            match node {
                DataRef::Array(count) | DataRef::Structure(count) => {
                    guard.enter(offset)?;
                    guard.count(count, offset)?;
                    open[depth] = count;
                    depth += 1;
                }
                DataRef::CompactArray => {
                    guard.enter(offset)?;
                    CompactArray::read(reader, guard)?;
                    guard.leave();
                }
                _ => {}
            }
            loop {
                match open[..depth].last_mut() {
                    None => return Ok(Self(reader.since(mark))),
                    Some(0) => {
                        guard.leave();
                        depth -= 1;
                    }
                    Some(left) => {
                        *left -= 1;
                        break;
                    }
                }
            }
        }
    }
}

impl<'a> Parse<'a> for RawData<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let limits = reader.limits();
        Self::read(
            reader,
            Options {
                strict: false,
                limits,
            },
        )
    }
}

impl Emit for RawData<'_> {
    fn emitted_len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(self.0);
    }
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
