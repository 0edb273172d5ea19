//! Reading and writing octets: a reader that only moves forward and only borrows, a writer into a slice
//! of known size, and the two traits that every wire type implements.
//!
//! Nothing here knows a protocol. Parsing never allocates before a length has been checked against what is left.

mod limits;

pub use limits::Limits;

use crate::error::{DecodeError, DecodeErrorKind};

/// A type that can be read from its wire form, borrowing from it where it can.
pub trait Parse<'a>: Sized {
    /// Reads one value and leaves the reader behind it.
    ///
    /// # Errors
    /// [`DecodeError`] with the offset of the first octet that cannot be right.
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Reads one value that must take up all of `data`.
    ///
    /// # Errors
    /// As [`Parse::parse`], and [`DecodeErrorKind::TrailingData`] where octets are left over.
    fn parse_all(data: &'a [u8]) -> Result<Self, DecodeError> {
        Self::parse_within(data, Limits::DEFAULT)
    }

    /// As [`Parse::parse_all`], under limits of the caller's.
    ///
    /// # Errors
    /// As [`Parse::parse_all`], and what says that a limit was reached.
    fn parse_within(data: &'a [u8], limits: Limits) -> Result<Self, DecodeError> {
        let mut reader = Reader::within(data, limits);
        let value = Self::parse(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// A type that knows its wire form: first its length, then its octets into a place of exactly that length.
pub trait Emit {
    /// The number of octets that [`Emit::emit`] will write.
    fn emitted_len(&self) -> usize;

    /// Writes the value; exactly [`Emit::emitted_len`] octets.
    fn emit(&self, out: &mut Writer<'_>);

    /// The wire form in a fresh vector; for tests and for paths where speed does not matter.
    fn to_vec(&self) -> Vec<u8> {
        let mut octets = vec![0; self.emitted_len()];
        let mut out = Writer::new(&mut octets);
        self.emit(&mut out);
        out.finish();
        octets
    }
}

impl<T: Emit + ?Sized> Emit for &T {
    fn emitted_len(&self) -> usize {
        (**self).emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        (**self).emit(out);
    }
}

/// Octets that are already in wire form.
impl Emit for [u8] {
    fn emitted_len(&self) -> usize {
        self.len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(self);
    }
}

/// A cursor over borrowed octets that only moves forward and reports absolute offsets.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    position: usize,
    base: usize,
    limits: Limits,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `data`, under the usual limits.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self::within(data, Limits::DEFAULT)
    }

    /// A reader at the start of `data` that tells whoever reads values from it how much to believe.
    #[must_use]
    pub const fn within(data: &'a [u8], limits: Limits) -> Self {
        Self {
            data,
            position: 0,
            base: 0,
            limits,
        }
    }

    /// The limits under which values are read.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The absolute offset of the next octet, counted from the start of the outermost reader.
    #[must_use]
    #[inline]
    pub const fn offset(&self) -> usize {
        self.base + self.position
    }

    /// The number of octets not yet read.
    #[must_use]
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.data.len() - self.position
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// An error of `kind` at the next octet.
    #[must_use]
    pub const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset())
    }

    /// The next octet, without moving.
    #[must_use]
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.data.get(self.position).copied()
    }

    /// The next `count` octets.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`] where fewer are left; the reader has not moved then.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        if count > self.remaining() {
            return Err(DecodeError::new(
                DecodeErrorKind::Truncated,
                self.base + self.data.len(),
            ));
        }
        let start = self.position;
        self.position += count;
        Ok(&self.data[start..self.position])
    }

    /// The next `N` octets as an array.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut octets = [0; N];
        octets.copy_from_slice(self.take(N)?);
        Ok(octets)
    }

    /// A reader of just the next `count` octets, which it must use up; this reader moves behind them.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`].
    pub fn sub(&mut self, count: usize) -> Result<Reader<'a>, DecodeError> {
        let base = self.offset();
        let data = self.take(count)?;
        Ok(Reader {
            data,
            position: 0,
            base,
            limits: self.limits,
        })
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let start = self.position;
        self.position = self.data.len();
        &self.data[start..]
    }

    /// The octets read since `mark`, an earlier [`Reader::offset`] of this same reader.
    #[must_use]
    pub fn since(&self, mark: usize) -> &'a [u8] {
        &self.data[mark - self.base..self.position]
    }

    /// Demands that everything has been read.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TrailingData`].
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(DecodeErrorKind::TrailingData))
        }
    }

    /// Demands that the next octet is `octet`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnexpectedTag`] or [`DecodeErrorKind::Truncated`].
    pub fn expect(&mut self, octet: u8) -> Result<(), DecodeError> {
        match self.peek() {
            Some(found) if found == octet => {
                self.position += 1;
                Ok(())
            }
            Some(_) => Err(self.error(DecodeErrorKind::UnexpectedTag)),
            None => Err(self.error(DecodeErrorKind::Truncated)),
        }
    }
}

/// Big-endian integers, which is how A-XDR, the APDUs and the wrapper write them.
macro_rules! integers {
    ($($name:ident $type:ty;)+) => {
        impl Reader<'_> {
            $(
                #[doc = concat!("The next big-endian `", stringify!($type), "`.")]
                ///
                /// # Errors
                /// [`DecodeErrorKind::Truncated`].
                #[inline]
                pub fn $name(&mut self) -> Result<$type, DecodeError> {
                    Ok(<$type>::from_be_bytes(self.array()?))
                }
            )+
        }

        impl Writer<'_> {
            $(
                #[doc = concat!("Writes a big-endian `", stringify!($type), "`.")]
                #[inline]
                pub fn $name(&mut self, value: $type) {
                    self.put(&value.to_be_bytes());
                }
            )+
        }
    };
}

integers! {
    u8 u8; u16 u16; u32 u32; u64 u64;
    i8 i8; i16 i16; i32 i32; i64 i64;
    f32 f32; f64 f64;
}

/// A cursor that fills a slice whose size was computed beforehand.
///
/// Writing past the end is a fault of the caller's `emitted_len` and panics; the property tests hold the two together.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    position: usize,
}

impl<'a> Writer<'a> {
    /// A writer at the start of `out`.
    pub const fn new(out: &'a mut [u8]) -> Self {
        Self { out, position: 0 }
    }

    /// The number of octets written so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// What has been written since `mark`, an earlier [`Writer::position`] of this same writer.
    #[must_use]
    pub fn since(&self, mark: usize) -> &[u8] {
        &self.out[mark..self.position]
    }

    /// Writes `octets`.
    #[inline]
    pub fn put(&mut self, octets: &[u8]) {
        let end = self.position + octets.len();
        self.out[self.position..end].copy_from_slice(octets);
        self.position = end;
    }

    /// Demands that the slice has been filled exactly.
    ///
    /// # Panics
    /// Where `emitted_len` and `emit` disagree, which is a fault in this crate.
    pub fn finish(self) {
        assert_eq!(
            self.position,
            self.out.len(),
            "emit wrote another length than emitted_len promised"
        );
    }
}

/// Declares an enumeration whose unknown codes are values, not errors.
#[macro_export]
macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident: $type:ty { $($(#[$doc:meta])* $variant:ident = $value:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* #[doc = concat!("Code ", stringify!($value), ".")] $variant,)+
            /// A code that this version does not know; kept as it came.
            Unknown($type),
        }

        impl From<$type> for $name {
            fn from(code: $type) -> Self {
                match code { $($value => Self::$variant,)+ other => Self::Unknown(other) }
            }
        }

        impl From<$name> for $type {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => $value,)+ $name::Unknown(other) => other }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reader_reports_absolute_offsets() {
        let mut outer = Reader::new(&[1, 2, 3, 4]);
        assert_eq!(outer.u8(), Ok(1));
        let mut inner = outer.sub(2).expect("two octets are there");
        assert_eq!(inner.u16(), Ok(0x0203));
        assert_eq!(
            inner.u8(),
            Err(DecodeError::new(DecodeErrorKind::Truncated, 3))
        );
        assert_eq!(
            outer.finish(),
            Err(DecodeError::new(DecodeErrorKind::TrailingData, 3))
        );
        assert_eq!(outer.since(0), &[1, 2, 3]);
    }

    #[test]
    #[should_panic(expected = "another length")]
    fn a_writer_that_is_not_filled_is_a_fault() {
        let mut octets = [0; 2];
        let mut out = Writer::new(&mut octets);
        out.u8(1);
        out.finish();
    }
}
