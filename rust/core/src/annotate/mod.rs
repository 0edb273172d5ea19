//! Captured octets as a tree: what each of them means, whatever they are, and where the understanding ends.
//!
//! For people who look at octets; no association works with this. Layouts are tables ([`grammar`]) that give names and
//! places; whether an APDU is valid is what its own parser says. Nothing here fails, knows a key or keeps a state.

mod acse;
mod apdus;
mod data;
mod envelope;
mod frames;
mod grammar;
mod node;

#[cfg(test)]
mod tests;

pub use node::{MOST_NODES, Node, Value};

use crate::codec::Reader;
use crate::error::DecodeError;
use crate::hdlc::frame::FLAG;
use grammar::Field;
use node::Notes;

/// What octets are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Whatever they look like.
    Any,
    /// HDLC frames.
    Hdlc,
    /// Messages of the wrapper.
    Wrapper,
    /// One APDU.
    Apdu,
    /// One A-XDR value.
    Data,
    /// The raw data of a list of values.
    DataList,
    /// The raw data of a list of results of GET.
    GetResults,
    /// The raw data of one outcome of ACTION.
    Outcome,
    /// The raw data of a list of outcomes of ACTION.
    Outcomes,
}

/// The tree of `octets`. The root takes up all of them.
#[must_use]
pub fn annotate(octets: &[u8], subject: Subject) -> Node {
    let subject = match subject {
        Subject::Any => guess(octets),
        known => known,
    };
    let mut reader = Reader::new(octets);
    let mut notes = Notes::new(name(subject), 0);
    let result = walk(subject, &mut notes, &mut reader).and_then(|()| reader.finish());
    if result.is_err() && !reader.is_empty() {
        // What is left is shown, and the error stays where it was found.
        let _ = apdus::remainder(&mut notes, &mut reader);
    }
    notes.finish(octets.len(), result)
}

fn walk(subject: Subject, notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let list = |field| [Field::List("list", "item", field)];
    match subject {
        Subject::Hdlc => frames::hdlc(notes, reader),
        Subject::Wrapper => frames::wrapper(notes, reader),
        Subject::Apdu | Subject::Any => {
            apdus::walk_any(notes, reader);
            Ok(())
        }
        Subject::Data => data::walk("data", notes, reader),
        Subject::DataList => grammar::walk(&list(&[Field::Data("data")]), notes, reader),
        Subject::GetResults => grammar::walk(&list(&[apdus::GET_RESULT]), notes, reader),
        Subject::Outcome => grammar::walk(&[apdus::OUTCOME], notes, reader),
        Subject::Outcomes => grammar::walk(&list(&[apdus::OUTCOME]), notes, reader),
    }
}

/// What octets look like: the first that takes them whole, or else the first that begins like them.
fn guess(octets: &[u8]) -> Subject {
    if octets.first() == Some(&FLAG) {
        return Subject::Hdlc;
    }
    if frames::is_wrapper(octets) {
        return Subject::Wrapper;
    }
    let is_tag = octets.first().is_some_and(|tag| apdus::is_tag(*tag));
    if is_tag && annotate(octets, Subject::Apdu).is_understood() {
        return Subject::Apdu;
    }
    if data::is_data(octets) {
        return Subject::Data;
    }
    if octets.contains(&FLAG)
        && annotate(octets, Subject::Hdlc)
            .children
            .iter()
            .any(|node| node.name == "frame" && node.is_understood())
    {
        return Subject::Hdlc;
    }
    let is_value = octets
        .first()
        .is_some_and(|tag| crate::axdr::Tag::try_from(*tag).is_ok());
    if is_value && !is_tag {
        Subject::Data
    } else {
        Subject::Apdu
    }
}

const fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::Hdlc => "HDLC",
        Subject::Wrapper => "wrapper",
        Subject::Any | Subject::Apdu => "APDU",
        Subject::Data => "A-XDR",
        Subject::DataList | Subject::GetResults | Subject::Outcome | Subject::Outcomes => {
            "raw data"
        }
    }
}
