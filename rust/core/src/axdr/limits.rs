//! How strictly data is read and how much of it is believed: the options of a decoding and the guard that keeps them.

use crate::error::{DecodeError, DecodeErrorKind};

/// How one piece of data is to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Refuse lengths that are not in shortest form, a boolean other than 0 and 1, and padding bits that are set.
    pub strict: bool,
    /// How many arrays, structures and compact arrays may be nested; at most [`Options::HARD_MAX_DEPTH`].
    pub max_depth: usize,
    /// How many values that take no octets of their own the compact arrays of one data may expand to.
    pub max_expansion: usize,
}

impl Options {
    /// More nesting than this is never followed, whatever is asked for.
    pub const HARD_MAX_DEPTH: usize = 64;

    /// As the standard writes it.
    pub const STRICT: Self = Self {
        strict: true,
        max_depth: 16,
        max_expansion: 1 << 18,
    };

    /// As some meters write it.
    pub const TOLERANT: Self = Self {
        strict: false,
        ..Self::STRICT
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::STRICT
    }
}

/// What is left of the limits in the middle of one decoding.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The options of this decoding.
    pub options: Options,
    depth: usize,
    expansion: usize,
}

impl Guard {
    /// A guard at the start of a decoding.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self {
            options,
            depth: 0,
            expansion: 0,
        }
    }

    /// One level down, into the array or structure at `offset`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooDeep`].
    pub fn enter(&mut self, offset: usize) -> Result<(), DecodeError> {
        if self.depth >= self.options.max_depth.min(Options::HARD_MAX_DEPTH) {
            return Err(DecodeError::new(DecodeErrorKind::TooDeep, offset));
        }
        self.depth += 1;
        Ok(())
    }

    /// One level up again.
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Accounts for `elements` elements of a compact array, each with `surplus` values more than it has octets.
    ///
    /// # Errors
    /// [`DecodeErrorKind::ExpansionLimit`].
    pub fn expand(
        &mut self,
        elements: usize,
        surplus: usize,
        offset: usize,
    ) -> Result<(), DecodeError> {
        match elements
            .checked_mul(surplus)
            .and_then(|count| count.checked_add(self.expansion))
        {
            Some(expansion) if expansion <= self.options.max_expansion => {
                self.expansion = expansion;
                Ok(())
            }
            _ => Err(DecodeError::new(DecodeErrorKind::ExpansionLimit, offset)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_depth_holds_against_the_option() {
        let mut guard = Guard::new(Options {
            max_depth: 1000,
            ..Options::STRICT
        });
        for _ in 0..Options::HARD_MAX_DEPTH {
            assert_eq!(guard.enter(7), Ok(()));
        }
        assert_eq!(
            guard.enter(7),
            Err(DecodeError::new(DecodeErrorKind::TooDeep, 7))
        );
        guard.leave();
        assert_eq!(guard.enter(7), Ok(()));
    }

    #[test]
    fn expansion_adds_up_and_never_wraps() {
        let refused = Err(DecodeError::new(DecodeErrorKind::ExpansionLimit, 3));
        let mut guard = Guard::new(Options {
            max_expansion: 10,
            ..Options::STRICT
        });
        assert_eq!(guard.expand(2, 3, 3), Ok(()));
        assert_eq!(guard.expand(5, 1, 3), refused);
        assert_eq!(guard.expand(usize::MAX, 2, 3), refused);
        assert_eq!(guard.expand(4, 1, 3), Ok(()));
        assert_eq!(guard.expand(usize::MAX, 0, 3), Ok(()));
    }
}
