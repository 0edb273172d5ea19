//! The service APDUs as frozen Python classes, and the two ways between them and the core: [`Outgoing`] for what is sent,
//! [`incoming`] for what has come.
//!
//! Octets stay where Python put them until they are written into their final place; an image block is only referred to.

mod access;
mod action;
mod list;
mod notification;
mod request;
mod response;
mod short_name;

pub(crate) use access::{AccessRequest, AccessResponse};
pub(crate) use action::{ActionRequest, Parameter};
pub(crate) use list::{RequestList, ResponseList};
pub(crate) use notification::{DataNotification, DataNotificationConfirm, EventNotification};
pub(crate) use request::{GetRequest, SetRequest};
pub(crate) use response::{
    ActionResponse, ConfirmedServiceError, ExceptionResponse, GetResponse, SetResponse,
};
pub(crate) use short_name::{
    InformationReport, ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};

use dlms_fw_core::apdu::{Apdu, Role};
use dlms_fw_core::error::{DecodeError, DecodeErrorKind};
use dlms_fw_core::xdlms::action::{ActionRequestForm, ActionResponseForm};
use dlms_fw_core::xdlms::get::{GetRequestForm, GetResponseForm};
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use dlms_fw_core::xdlms::set::{SetRequestForm, SetResponseForm};
use pyo3::PyClass;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::acse::{AssociationRequest, AssociationResponse, ReleaseRequest, ReleaseResponse};
use crate::errors::Error;
use crate::invoke::Invoke;
use crate::limits::{Limits, core_limits};
use crate::octets::Octets;

/// Declares [`Outgoing`] over all classes; each has `invoke(&self)` and `wire(&self, py, InvokeIdAndPriority)`.
macro_rules! outgoing {
    ($($class:ident,)+) => {
        /// An APDU that Python hands over to be sent.
        pub(crate) enum Outgoing<'py> {
            $(#[doc = concat!("A ", stringify!($class), ".")] $class(Bound<'py, $class>),)+
        }

        impl<'py> Outgoing<'py> {
            /// Tells the class of `object`.
            ///
            /// # Errors
            /// `TypeError` where it is no APDU.
            pub(crate) fn cast(object: &Bound<'py, PyAny>) -> PyResult<Self> {
                $(if let Ok(apdu) = object.cast::<$class>() {
                    return Ok(Self::$class(apdu.clone()));
                })+
                let found = object.get_type();
                Err(PyTypeError::new_err(format!("{found} is not an APDU")))
            }

            /// What it says about its Invoke-Id-And-Priority.
            pub(crate) fn invoke(&self) -> Invoke {
                match self { $(Self::$class(apdu) => apdu.get().invoke(),)+ }
            }

            /// Its borrowed form with this Invoke-Id-And-Priority, which knows how to write itself.
            pub(crate) fn wire<'a>(&'a self, py: Python<'a>, invoke: InvokeIdAndPriority) -> Apdu<'a, Parameter<'a>> {
                match self { $(Self::$class(apdu) => apdu.get().wire(py, invoke).into(),)+ }
            }
        }
    };
}

// The hot one first: the class is found by asking each in turn.
outgoing! {
    ActionRequest,
    GetRequest,
    SetRequest,
    ActionResponse,
    GetResponse,
    SetResponse,
    RequestList,
    ResponseList,
    ExceptionResponse,
    ConfirmedServiceError,
    DataNotification,
    EventNotification,
    AccessRequest,
    AccessResponse,
    DataNotificationConfirm,
    AssociationRequest,
    AssociationResponse,
    ReleaseRequest,
    ReleaseResponse,
    ReadRequest,
    WriteRequest,
    ReadResponse,
    WriteResponse,
    InformationReport,
}

/// One complete plain APDU that `sender` has sent.
#[pyfunction]
#[pyo3(signature = (data, sender, *, limits = None))]
pub(crate) fn decode_apdu<'py>(
    py: Python<'py>,
    data: Octets<'_>,
    sender: &str,
    limits: Option<&Bound<'_, Limits>>,
) -> PyResult<Bound<'py, PyAny>> {
    let sender = match sender {
        "client" => Role::Client,
        "server" => Role::Server,
        _ => {
            return Err(PyValueError::new_err(
                "the sender is \"client\" or \"server\"",
            ));
        }
    };
    let apdu = Apdu::parse_from_within(sender, &data, core_limits(limits));
    incoming(py, &apdu.map_err(Error::from)?)
}

/// The Python object of an APDU that has come.
///
/// # Errors
/// `DecodeError` for the forms of block transfer, which the channel takes off before.
pub(crate) fn incoming<'py>(py: Python<'py>, apdu: &Apdu<'_>) -> PyResult<Bound<'py, PyAny>> {
    let block = || Err(Error::from(DecodeError::new(DecodeErrorKind::UnexpectedApdu, 1)).into());
    match apdu {
        Apdu::GetRequest(request) => match &request.form {
            GetRequestForm::Normal(attribute) => object(
                py,
                GetRequest::from_core(py, attribute, Some(request.invoke_id_and_priority)),
            ),
            GetRequestForm::WithList(attributes) => object(
                py,
                RequestList::from_get(py, &attributes.0, request.invoke_id_and_priority)?,
            ),
            GetRequestForm::Next { .. } => block(),
        },
        Apdu::SetRequest(request) => match &request.form {
            SetRequestForm::Normal(item) => object(
                py,
                SetRequest::from_core(py, item, Some(request.invoke_id_and_priority)),
            ),
            SetRequestForm::WithList(items) => object(
                py,
                RequestList::from_set(py, items, request.invoke_id_and_priority)?,
            ),
            _ => block(),
        },
        Apdu::ActionRequest(request) => match &request.form {
            ActionRequestForm::Normal { method, parameter } => object(
                py,
                ActionRequest::from_core(
                    py,
                    method,
                    parameter.as_ref(),
                    Some(request.invoke_id_and_priority),
                ),
            ),
            ActionRequestForm::WithList(items) => object(
                py,
                RequestList::from_action(py, items, request.invoke_id_and_priority)?,
            ),
            _ => block(),
        },
        Apdu::GetResponse(response) => match &response.form {
            GetResponseForm::Normal(result) => object(
                py,
                GetResponse::from_core(py, result, response.invoke_id_and_priority),
            ),
            GetResponseForm::WithList(results) => object(
                py,
                ResponseList::from_get(py, &results.0, response.invoke_id_and_priority)?,
            ),
            GetResponseForm::WithDatablock(_) => block(),
        },
        Apdu::SetResponse(response) => match &response.form {
            SetResponseForm::Normal(result) => object(
                py,
                SetResponse::from_core(py, *result, response.invoke_id_and_priority),
            ),
            SetResponseForm::WithList(results) => object(
                py,
                ResponseList::from_set(py, &results.0, response.invoke_id_and_priority)?,
            ),
            _ => block(),
        },
        Apdu::ActionResponse(response) => match &response.form {
            ActionResponseForm::Normal(outcome) => object(
                py,
                ActionResponse::from_core(py, outcome, response.invoke_id_and_priority),
            ),
            ActionResponseForm::WithList(outcomes) => object(
                py,
                ResponseList::from_action(py, &outcomes.0, response.invoke_id_and_priority)?,
            ),
            _ => block(),
        },
        Apdu::ExceptionResponse(response) => object(py, ExceptionResponse::from_core(py, response)),
        Apdu::ConfirmedServiceError(error) => {
            object(py, ConfirmedServiceError::from_core(py, error))
        }
        Apdu::DataNotification(notification) => {
            object(py, DataNotification::from_core(py, notification))
        }
        Apdu::DataNotificationConfirm(confirm) => {
            object(py, DataNotificationConfirm::from_core(confirm))
        }
        Apdu::AccessRequest(request) => object(py, AccessRequest::from_core(py, request)?),
        Apdu::AccessResponse(response) => object(py, AccessResponse::from_core(py, response)?),
        Apdu::EventNotification(notification) => {
            object(py, EventNotification::from_core(py, notification))
        }
        Apdu::ReadRequest(request) => object(py, ReadRequest::from_core(py, request)?),
        Apdu::WriteRequest(request) => object(py, WriteRequest::from_core(py, request)?),
        Apdu::UnconfirmedWriteRequest(request) => object(py, WriteRequest::from_core(py, request)?),
        Apdu::ReadResponse(response) => object(py, ReadResponse::from_core(py, response)?),
        Apdu::WriteResponse(response) => object(py, WriteResponse::from_core(py, response)?),
        Apdu::InformationReport(report) => object(py, InformationReport::from_core(py, report)?),
        Apdu::AssociationRequest(request) => object(py, AssociationRequest::from_core(py, request)),
        Apdu::AssociationResponse(response) => {
            object(py, AssociationResponse::from_core(py, response))
        }
        Apdu::ReleaseRequest(request) => object(py, ReleaseRequest::from_core(py, request)),
        Apdu::ReleaseResponse(response) => object(py, ReleaseResponse::from_core(py, response)),
    }
}

/// A new Python object.
fn object<T: PyClass + Into<PyClassInitializer<T>>>(
    py: Python<'_>,
    value: T,
) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, value)?.into_any())
}
