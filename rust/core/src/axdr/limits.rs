//! How strictly data is read and how much of it is believed: the options of a decoding and the guard that keeps them.

use crate::codec::Limits;
use crate::error::{DecodeError, DecodeErrorKind};

/// How one piece of data is to be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Refuse lengths that are not in shortest form, a boolean other than 0 and 1, and padding bits that are set.
    pub strict: bool,
    /// How much of it is believed.
    pub limits: Limits,
}

impl Options {
    /// As the standard writes it.
    pub const STRICT: Self = Self {
        strict: true,
        limits: Limits::DEFAULT,
    };

    /// As some meters write it.
    pub const TOLERANT: Self = Self {
        strict: false,
        limits: Limits::DEFAULT,
    };

    /// Allows `length` octets in one piece, whose length stands at `offset`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::LengthTooLarge`].
    #[inline]
    pub const fn allow(&self, length: usize, offset: usize) -> Result<(), DecodeError> {
        if length > self.limits.max_length as usize {
            return Err(DecodeError::new(DecodeErrorKind::LengthTooLarge, offset));
        }
        Ok(())
    }
}

/// What is left of the limits in the middle of one decoding.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The options of this decoding.
    pub options: Options,
    depth: usize,
    deepest: usize,
    elements: u32,
    expansion: u32,
    /// Whether what has been read is what an encoder would write; a compact array of arrays is only ever read.
    emittable: bool,
}

/// What was seen while a value was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// How many arrays and structures were nested in it, itself included.
    pub depth: usize,
    /// Whether encoding it would give the same octets.
    pub emittable: bool,
}

impl Guard {
    /// A guard at the start of a decoding.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self {
            options,
            depth: 0,
            deepest: 0,
            elements: 0,
            expansion: 0,
            emittable: options.strict,
        }
    }

    /// Lets `read` read, and says how deep that was and whether encoding it would give the same octets.
    ///
    /// # Errors
    /// As `read`.
    pub fn observe<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<(T, Observed), DecodeError> {
        let (deepest, emittable) = (self.deepest, self.emittable);
        self.deepest = self.depth;
        self.emittable = self.options.strict;
        let value = read(self)?;
        let observed = Observed {
            depth: self.deepest - self.depth,
            emittable: self.emittable,
        };
        self.deepest = self.deepest.max(deepest);
        self.emittable &= emittable;
        Ok((value, observed))
    }

    /// Notes that what has been read would not be written like that.
    pub const fn note_unusual(&mut self) {
        self.emittable = false;
    }

    /// One level down, into the array or structure at `offset`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooDeep`].
    pub fn enter(&mut self, offset: usize) -> Result<(), DecodeError> {
        let limit = (self.options.limits.max_depth as usize).min(Limits::HARD_MAX_DEPTH);
        if self.depth >= limit {
            return Err(DecodeError::new(DecodeErrorKind::TooDeep, offset));
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(())
    }

    /// One level up again.
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Accounts for `count` members of the array or structure at `offset`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::ElementLimit`].
    pub fn count(&mut self, count: usize, offset: usize) -> Result<(), DecodeError> {
        let limit = self.options.limits.max_elements;
        self.elements = within(self.elements, count, 1, limit)
            .ok_or(DecodeError::new(DecodeErrorKind::ElementLimit, offset))?;
        Ok(())
    }

    /// Accounts for `elements` elements of a compact array, each made of `values` values, `surplus` more than it has octets.
    ///
    /// # Errors
    /// [`DecodeErrorKind::ExpansionLimit`] or [`DecodeErrorKind::ElementLimit`].
    pub fn expand(
        &mut self,
        elements: usize,
        values: usize,
        surplus: usize,
        offset: usize,
    ) -> Result<(), DecodeError> {
        let Limits {
            max_elements,
            max_expansion,
            ..
        } = self.options.limits;
        self.expansion = within(self.expansion, elements, surplus, max_expansion)
            .ok_or(DecodeError::new(DecodeErrorKind::ExpansionLimit, offset))?;
        self.elements = within(self.elements, elements, values, max_elements)
            .ok_or(DecodeError::new(DecodeErrorKind::ElementLimit, offset))?;
        Ok(())
    }
}

/// `sum` and `times` more of `each`, where that is not above `limit`.
fn within(sum: u32, times: usize, each: usize, limit: u32) -> Option<u32> {
    let more = u32::try_from(times.checked_mul(each)?).ok()?;
    sum.checked_add(more).filter(|sum| *sum <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn limited(limits: Limits) -> Options {
        Options {
            strict: true,
            limits,
        }
    }

    #[test]
    fn the_hard_depth_holds_against_the_option() {
        let mut guard = Guard::new(limited(Limits {
            max_depth: 1000,
            ..Limits::DEFAULT
        }));
        for _ in 0..Limits::HARD_MAX_DEPTH {
            assert_eq!(guard.enter(7), Ok(()));
        }
        assert_eq!(
            guard.enter(7),
            Err(DecodeError::new(DecodeErrorKind::TooDeep, 7))
        );
        guard.leave();
        assert_eq!(guard.enter(7), Ok(()));
        let (result, observed) = guard.observe(|_| Ok(7)).expect("seven");
        assert_eq!((result, observed.depth), (7, 0));
    }

    #[test]
    fn expansion_adds_up_and_never_wraps() {
        let refused = Err(DecodeError::new(DecodeErrorKind::ExpansionLimit, 3));
        let mut guard = Guard::new(limited(Limits {
            max_expansion: 10,
            ..Limits::DEFAULT
        }));
        assert_eq!(guard.expand(2, 4, 3, 3), Ok(()));
        assert_eq!(guard.expand(5, 2, 1, 3), refused);
        assert_eq!(guard.expand(usize::MAX, 3, 2, 3), refused);
        assert_eq!(guard.expand(4, 2, 1, 3), Ok(()));
        assert_eq!(guard.expand(7, 1, 0, 3), Ok(()));
    }

    #[test]
    fn elements_add_up_over_all_kinds_of_arrays_and_never_wrap() {
        let refused = Err(DecodeError::new(DecodeErrorKind::ElementLimit, 3));
        let mut guard = Guard::new(limited(Limits {
            max_elements: 10,
            ..Limits::DEFAULT
        }));
        assert_eq!(guard.count(4, 3), Ok(()));
        assert_eq!(guard.count(7, 3), refused);
        assert_eq!(guard.count(usize::MAX, 3), refused);
        assert_eq!(guard.expand(2, 3, 0, 3), Ok(()));
        assert_eq!(guard.expand(usize::MAX, usize::MAX, 0, 3), refused);
        assert_eq!(guard.count(0, 3), Ok(()));
        assert_eq!(guard.count(1, 3), refused);
    }
}
