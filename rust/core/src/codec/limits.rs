//! How much of what came is believed: the limits of one decoding.

/// The most that one decoding follows, expands and hands out. All of it is bounded by the octets that came as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many arrays, structures and compact arrays may be nested; at most [`Limits::HARD_MAX_DEPTH`].
    pub max_depth: u32,
    /// How many values one data may be made of, members of members included.
    pub max_elements: u32,
    /// How many values that take no octets of their own the compact arrays of one data may expand to.
    pub max_expansion: u32,
    /// How many octets one string may have, or the contents of one compact array.
    pub max_length: u32,
}

impl Limits {
    /// More nesting than this is never followed, whatever is asked for.
    pub const HARD_MAX_DEPTH: usize = 64;

    /// What holds where nothing else is asked for.
    pub const DEFAULT: Self = Self {
        max_depth: 16,
        max_elements: 1 << 24,
        max_expansion: 1 << 18,
        max_length: 1 << 28,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
