//! RLRQ and RLRE.

use dlms_fw_core::acse::release;
use dlms_fw_core::codec::Parse;
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{hidden, number, object, octets, shared};
use crate::errors::Error;
use crate::image::emitted;
use crate::invoke::Invoke;
use crate::octets::Octets;
use crate::shared::SharedBytes;

/// The two release APDUs are alike; each is a class of its own.
macro_rules! release {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
        #[derive(PartialEq, Eq, Hash)]
        pub(crate) struct $name {
            #[pyo3(get)]
            reason: Option<u8>,
            user_information: Option<SharedBytes>,
        }

        impl $name {
            pub(crate) fn from_core(py: Python<'_>, release: &release::$name<'_>) -> Self {
                Self { reason: release.reason, user_information: shared(py, release.user_information) }
            }

            #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
            pub(crate) const fn invoke(&self) -> Invoke {
                Invoke::None
            }

            pub(crate) fn wire<'a>(&'a self, py: Python<'a>, _invoke: InvokeIdAndPriority) -> release::$name<'a> {
                release::$name { reason: self.reason, user_information: octets(py, self.user_information.as_ref()) }
            }
        }

        #[pymethods]
        impl $name {
            #[new]
            #[pyo3(signature = (reason = None, user_information = None))]
            fn new(reason: Option<u8>, user_information: Option<SharedBytes>) -> Self {
                Self { reason, user_information }
            }

            #[staticmethod]
            fn decode(py: Python<'_>, data: Octets<'_>) -> PyResult<Self> {
                let release = release::$name::parse_all(&data).map_err(Error::from)?;
                Ok(Self::from_core(py, &release))
            }

            fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
                emitted(py, &self.wire(py, self.invoke().or_default()))
            }

            #[getter]
            fn user_information(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
                object(py, self.user_information.as_ref())
            }

            fn __repr__(&self) -> String {
                let (reason, information) = (number(self.reason), hidden(self.user_information.as_ref()));
                format!(concat!(stringify!($name), "(reason={}, user_information={})"), reason, information)
            }
        }
    };
}

release! {
    /// RLRQ.
    ReleaseRequest
}

release! {
    /// RLRE.
    ReleaseResponse
}
