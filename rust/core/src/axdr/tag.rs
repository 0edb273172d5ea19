//! The tags of the Data CHOICE with the names of the standard and the sizes of their values.

use crate::error::DecodeErrorKind;

/// Declares the tags, one line each: variant, code, name, and the number of octets of the value where that is fixed.
macro_rules! tags {
    ($($variant:ident = $code:literal, $name:literal, $size:expr;)+) => {
        /// The type of one Data value (Green Book, Data CHOICE).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Tag { $(#[doc = concat!("`", $name, "`, tag ", stringify!($code), ".")] $variant = $code,)+ }

        impl Tag {
            /// Every tag, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The octet that stands for it.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The name of the type in the standard.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The number of octets of a value, where it is the same for all.
            #[must_use]
            pub const fn size(self) -> Option<usize> {
                match self { $(Self::$variant => $size),+ }
            }

            /// The number of octets behind the octet `code`, where it is a tag of whose values nothing but that is checked.
            #[must_use]
            #[inline]
            pub const fn size_unchecked(code: u8) -> Option<usize> {
                const SIZES: [Option<u8>; 256] = {
                    let mut sizes = [None; 256];
                    $(sizes[$code] = match $size { Some(size) => Some(size), None => None };)+
                    sizes[Tag::Boolean.code() as usize] = None;
                    sizes
                };
                match SIZES[code as usize] { Some(size) => Some(size as usize), None => None }
            }
        }

        impl TryFrom<u8> for Tag {
            type Error = DecodeErrorKind;

            #[inline]
            fn try_from(code: u8) -> Result<Self, DecodeErrorKind> {
                // A table, since this is asked for every value and the compiler makes jumps of a match.
                const TAGS: [Option<Tag>; 256] = {
                    let mut tags = [None; 256];
                    $(tags[$code] = Some(Tag::$variant);)+
                    tags
                };
                TAGS[usize::from(code)].ok_or(DecodeErrorKind::UnknownTag)
            }
        }
    };
}

tags! {
    NullData = 0, "null-data", Some(0);
    Array = 1, "array", None;
    Structure = 2, "structure", None;
    Boolean = 3, "boolean", Some(1);
    BitString = 4, "bit-string", None;
    DoubleLong = 5, "double-long", Some(4);
    DoubleLongUnsigned = 6, "double-long-unsigned", Some(4);
    FloatingPoint = 7, "floating-point", Some(4);
    OctetString = 9, "octet-string", None;
    VisibleString = 10, "visible-string", None;
    GeneralizedTime = 11, "generalized-time", None;
    Utf8String = 12, "utf8-string", None;
    Bcd = 13, "bcd", Some(1);
    Integer = 15, "integer", Some(1);
    Long = 16, "long", Some(2);
    Unsigned = 17, "unsigned", Some(1);
    LongUnsigned = 18, "long-unsigned", Some(2);
    CompactArray = 19, "compact-array", None;
    Long64 = 20, "long64", Some(8);
    Long64Unsigned = 21, "long64-unsigned", Some(8);
    Enum = 22, "enum", Some(1);
    Float32 = 23, "float32", Some(4);
    Float64 = 24, "float64", Some(8);
    DateTime = 25, "date-time", Some(12);
    Date = 26, "date", Some(5);
    Time = 27, "time", Some(4);
    DeltaInteger = 28, "delta-integer", Some(1);
    DeltaLong = 29, "delta-long", Some(2);
    DeltaDoubleLong = 30, "delta-double-long", Some(4);
    DeltaUnsigned = 31, "delta-unsigned", Some(1);
    DeltaLongUnsigned = 32, "delta-long-unsigned", Some(2);
    DeltaDoubleLongUnsigned = 33, "delta-double-long-unsigned", Some(4);
    DontCare = 255, "dont-care", Some(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_tags_are_the_same_set() {
        let known: Vec<_> = (0..=255)
            .filter_map(|code| Tag::try_from(code).ok())
            .collect();
        assert_eq!(known, Tag::ALL);
        for tag in Tag::ALL {
            assert_eq!(Tag::try_from(tag.code()), Ok(*tag));
        }
        for code in [8, 14, 34, 254] {
            assert_eq!(Tag::try_from(code), Err(DecodeErrorKind::UnknownTag));
        }
    }
}
