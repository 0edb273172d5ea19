//! The tree of what octets mean: named spans with a value, nested and in order, and where the understanding ended.

use crate::codec::Reader;
use crate::error::{DecodeError, DecodeErrorKind};

/// Nodes beyond this many are not made; a hostile count costs no more than that.
pub const MOST_NODES: usize = 100_000;

/// What a node is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing but its children, or nothing at all.
    None,
    /// A number without sign.
    Unsigned(u64),
    /// A number with sign.
    Signed(i64),
    /// The octets of this span, which lies within the node.
    Octets(usize, usize),
    /// The A-XDR value that takes up the node.
    Data,
}

/// A named span of octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is, in the words of the standard.
    pub name: &'static str,
    /// What its value counts or names, so that a code can be given its word.
    pub kind: &'static str,
    /// The alternative that was chosen, or another remark.
    pub note: &'static str,
    /// The first octet.
    pub start: usize,
    /// The octet behind the last.
    pub end: usize,
    /// What it is worth.
    pub value: Value,
    /// Why the octets of this node could not be understood any further.
    pub error: Option<DecodeError>,
    /// What it is made of, in order; octets before the first and between them are tags, lengths and counts.
    pub children: Vec<Self>,
}

impl Node {
    fn new(name: &'static str, kind: &'static str, start: usize) -> Self {
        Self {
            name,
            kind,
            note: "",
            start,
            end: start,
            value: Value::None,
            error: None,
            children: Vec::new(),
        }
    }

    /// Whether nothing in it is wrong.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.error.is_none() && self.children.iter().all(Self::is_understood)
    }
}

/// Makes a tree while a reader moves on.
#[derive(Debug)]
pub(super) struct Notes {
    open: Vec<Node>,
    left: usize,
}

impl Notes {
    pub(super) fn new(name: &'static str, start: usize) -> Self {
        Self {
            open: vec![Node::new(name, "", start)],
            left: MOST_NODES,
        }
    }

    /// The node being made.
    pub(super) fn current(&mut self) -> &mut Node {
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    /// A child that takes up what `read` reads. Where that fails, all that is left of the reader belongs to it.
    pub(super) fn node<'a, T>(
        &mut self,
        reader: &mut Reader<'a>,
        name: &'static str,
        kind: &'static str,
        read: impl FnOnce(&mut Self, &mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(reader.error(DecodeErrorKind::ExpansionLimit))?;
        self.open.push(Node::new(name, kind, reader.offset()));
        let depth = self.open.len();
        let result = read(self, reader);
        debug_assert_eq!(
            depth,
            self.open.len(),
            "every node that is opened is closed"
        );
        let mut node = self.open.pop().unwrap_or_else(|| Node::new(name, kind, 0));
        node.end = reader.offset();
        if let Err(error) = &result {
            reader.rest();
            node.end = reader.offset();
            if node.is_understood() {
                node.error = Some(*error);
            }
        }
        self.current().children.push(node);
        result
    }

    /// A child without children.
    pub(super) fn leaf<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        name: &'static str,
        kind: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<Value, DecodeError>,
    ) -> Result<Value, DecodeError> {
        self.node(reader, name, kind, |notes, reader| {
            let value = read(reader)?;
            notes.current().value = value;
            Ok(value)
        })
    }

    /// The whole tree of `data`, from where it began.
    pub(super) fn finish(mut self, data_len: usize, result: Result<(), DecodeError>) -> Node {
        let mut root = self.open.remove(0);
        root.end = data_len;
        if let Err(error) = result
            && root.is_understood()
        {
            root.error = Some(error);
        }
        root
    }
}

/// The next `count` octets as a value.
pub(super) fn octets(reader: &mut Reader<'_>, count: usize) -> Result<Value, DecodeError> {
    let start = reader.offset();
    reader.take(count)?;
    Ok(Value::Octets(start, reader.offset()))
}
