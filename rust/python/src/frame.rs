//! Single HDLC frames and their check sequence, for captures and tools of one's own. A channel frames by itself.

use dlms_fw_core::codec::{Emit, Writer};
use dlms_fw_core::error::{DecodeError, DecodeErrorKind};
use dlms_fw_core::hdlc::address::{Address, AddressSize};
use dlms_fw_core::hdlc::control::Control;
use dlms_fw_core::hdlc::fcs::{Fcs, fcs};
use dlms_fw_core::hdlc::frame::{FLAG, Frame, MAX_FRAME_LENGTH};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::Error;
use crate::link::server_address;
use crate::octets::{Kept, Octets};
use crate::shared::SharedBytes;

/// The check sequence of HDLC over `data`.
#[pyfunction]
pub(crate) fn fcs16(data: Octets<'_>) -> u16 {
    fcs(&data).value()
}

/// The same by tables alone.
#[pyfunction]
pub(crate) fn fcs16_portable(data: Octets<'_>) -> u16 {
    let mut sum = Fcs::new();
    sum.update_portable(&data);
    sum.value()
}

/// An HDLC address.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HdlcAddress(Address);

#[pymethods]
impl HdlcAddress {
    #[new]
    #[pyo3(signature = (upper, lower = None, *, size = None))]
    fn new(upper: u16, lower: Option<u16>, size: Option<u8>) -> PyResult<Self> {
        server_address(upper, lower, size).map(Self)
    }

    #[getter]
    const fn upper(&self) -> u16 {
        self.0.upper()
    }

    #[getter]
    const fn lower(&self) -> Option<u16> {
        self.0.lower()
    }

    #[getter]
    const fn size(&self) -> u8 {
        match self.0.size() {
            AddressSize::One => 1,
            AddressSize::Two => 2,
            AddressSize::Four => 4,
        }
    }

    fn __repr__(&self) -> String {
        match self.lower() {
            None => format!("HdlcAddress({})", self.upper()),
            Some(lower) => format!(
                "HdlcAddress({}, {lower}, size={})",
                self.upper(),
                self.size()
            ),
        }
    }
}

/// One HDLC frame of format type 3.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct HdlcFrame {
    destination: Address,
    source: Address,
    #[pyo3(get)]
    control: u8,
    #[pyo3(get)]
    segmentation: bool,
    information: SharedBytes,
}

impl HdlcFrame {
    fn wire<'a>(&'a self, py: Python<'a>) -> Frame<'a> {
        Frame {
            destination: self.destination,
            source: self.source,
            control: Control::from(self.control),
            segmentation: self.segmentation,
            information: self.information.octets(py),
        }
    }
}

#[pymethods]
impl HdlcFrame {
    #[new]
    #[pyo3(signature = (destination, source, control, information = None, *, segmentation = false))]
    fn new(
        py: Python<'_>,
        destination: &Bound<'_, HdlcAddress>,
        source: &Bound<'_, HdlcAddress>,
        control: u8,
        information: Option<Kept<'_>>,
        segmentation: bool,
    ) -> PyResult<Self> {
        let information = match information {
            Some(Kept(octets)) => SharedBytes::from(octets),
            None => SharedBytes::new(py, &[]),
        };
        let frame = Self {
            destination: destination.get().0,
            source: source.get().0,
            control,
            segmentation,
            information,
        };
        let length = frame.wire(py).emitted_len() - 2;
        if length > MAX_FRAME_LENGTH {
            return Err(PyValueError::new_err(format!(
                "a frame has at most {MAX_FRAME_LENGTH} octets between its flags, not {length}"
            )));
        }
        Ok(frame)
    }

    #[staticmethod]
    fn decode(py: Python<'_>, data: Octets<'_>) -> PyResult<Self> {
        let frame = parse(&data).map_err(Error::from)?;
        Ok(Self {
            destination: frame.destination,
            source: frame.source,
            control: frame.control.into(),
            segmentation: frame.segmentation,
            information: SharedBytes::new(py, frame.information),
        })
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let frame = self.wire(py);
        PyBytes::new_with(py, frame.emitted_len(), |octets| {
            let mut out = Writer::new(octets);
            frame.emit(&mut out);
            out.finish();
            Ok(())
        })
    }

    #[getter]
    const fn destination(&self) -> HdlcAddress {
        HdlcAddress(self.destination)
    }

    #[getter]
    const fn source(&self) -> HdlcAddress {
        HdlcAddress(self.source)
    }

    #[getter]
    fn information(&self, py: Python<'_>) -> Py<PyBytes> {
        self.information.object(py)
    }

    fn __repr__(&self) -> String {
        format!(
            "HdlcFrame({}, {}, 0x{:02X}, {:?})",
            self.destination().__repr__(),
            self.source().__repr__(),
            self.control,
            self.information
        )
    }
}

/// The frame that `octets` are, flags included.
fn parse(octets: &[u8]) -> Result<Frame<'_>, DecodeError> {
    let [FLAG, between @ .., FLAG] = octets else {
        let kind = match octets {
            [] | [FLAG] => DecodeErrorKind::Truncated,
            _ => DecodeErrorKind::UnexpectedTag,
        };
        return Err(DecodeError::new(kind, 0));
    };
    Frame::parse(between).map_err(|defect| DecodeError::new(defect.into(), 1))
}
