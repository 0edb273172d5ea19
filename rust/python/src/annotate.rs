//! The tree of captured octets, as nested tuples.

use dlms_fw_core::annotate::{Node, Subject, Value, annotate as core_annotate};
use dlms_fw_core::axdr::{Guard, Options};
use dlms_fw_core::codec::Reader;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::octets::Octets;
use crate::plain;

/// `(name, kind, note, start, end, value, error, children)` of every node.
#[pyfunction]
#[pyo3(signature = (data, subject = "any"))]
pub(crate) fn annotate<'py>(
    py: Python<'py>,
    data: Octets<'_>,
    subject: &str,
) -> PyResult<Bound<'py, PyTuple>> {
    let subject = match subject {
        "any" => Subject::Any,
        "hdlc" => Subject::Hdlc,
        "wrapper" => Subject::Wrapper,
        "apdu" => Subject::Apdu,
        "data" => Subject::Data,
        "data-list" => Subject::DataList,
        "get-results" => Subject::GetResults,
        "outcome" => Subject::Outcome,
        "outcomes" => Subject::Outcomes,
        _ => return Err(PyValueError::new_err("there is no such subject")),
    };
    object(py, &core_annotate(&data, subject), &data)
}

/// Nodes nest no deeper than the layouts and the limit of A-XDR values let them.
fn object<'py>(py: Python<'py>, node: &Node, data: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
    let children = node
        .children
        .iter()
        .map(|child| object(py, child, data))
        .collect::<PyResult<Vec<_>>>()?;
    let error = node.error.map(|error| (error.kind.code(), error.offset));
    (
        node.name,
        node.kind,
        node.note,
        node.start,
        node.end,
        value(py, node, data)?,
        error,
        PyTuple::new(py, children)?,
    )
        .into_pyobject(py)
}

fn value<'py>(py: Python<'py>, node: &Node, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    Ok(match node.value {
        Value::None => py.None().into_bound(py),
        Value::Unsigned(value) => value.into_pyobject(py)?.into_any(),
        Value::Signed(value) => value.into_pyobject(py)?.into_any(),
        Value::Octets(start, end) => {
            PyBytes::new(py, data.get(start..end).unwrap_or(&[])).into_any()
        }
        Value::Data => {
            // The same octets by the decoder itself; what it does not believe has no value.
            let octets = data.get(node.start..node.end).unwrap_or(&[]);
            let mut guard = Guard::new(Options::TOLERANT);
            plain::read(py, &mut Reader::new(octets), &mut guard)
                .unwrap_or_else(|_| py.None().into_bound(py))
        }
    })
}
