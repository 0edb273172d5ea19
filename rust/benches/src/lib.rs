//! The hot functions of the core as cases with a name, each ready to be run as often as somebody likes.
//!
//! A case does one operation per call, allocates what the operation allocates and nothing else, and gives every input and
//! output to the optimiser as unknown. Who runs it, and what is measured, is decided elsewhere.

mod channels;
mod wire;

/// One operation, to be run again and again.
pub type Operation = Box<dyn FnMut()>;

/// A function to be measured.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it is called in tables and on the command line.
    pub name: &'static str,
    /// Makes everything that the operation needs.
    pub prepare: fn() -> Operation,
}

impl Case {
    const fn new(name: &'static str, prepare: fn() -> Operation) -> Self {
        Self { name, prepare }
    }
}

/// All of them.
#[must_use]
pub fn cases() -> Vec<Case> {
    [wire::CASES, channels::CASES].concat()
}
