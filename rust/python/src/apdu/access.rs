//! ACCESS requests and responses: items of GET, SET and ACTION in one APDU.

use dlms_fw_core::axdr::RawData;
use dlms_fw_core::xdlms::access::{
    self, AccessItem, AccessOutcome, AccessResult, AccessSpecification,
};
use dlms_fw_core::xdlms::action::ActionOutcome;
use dlms_fw_core::xdlms::descriptor::AttributeSelection;
use dlms_fw_core::xdlms::invoke::{InvokeIdAndPriority, LongInvokeIdAndPriority};
use dlms_fw_core::xdlms::notification::OptionalDateTime;
use dlms_fw_core::xdlms::result::{DataAccessResult, GetDataResult};
use dlms_fw_core::xdlms::sequence_of::SequenceOf;
use dlms_fw_core::xdlms::set::SetItem;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::action::NULL_DATA;
use super::notification::{date_time_object, optional_date_time};
use super::{
    ActionRequest, ActionResponse, GetRequest, GetResponse, Parameter, SetRequest, SetResponse,
};
use crate::image::emitted;
use crate::invoke::Invoke;
use crate::shared::{Shared, Value, shown};

const SELF_DESCRIPTIVE: u32 = 0x1000_0000;
const BREAK_ON_ERROR: u32 = 0x2000_0000;
const CONFIRMED: u32 = 0x4000_0000;
const HIGH_PRIORITY: u32 = 0x8000_0000;
/// The octet of the classes that the items are made of; their own invoke ids say nothing here.
const ITEM_INVOKE: InvokeIdAndPriority = InvokeIdAndPriority(0xC1);

/// One item of any of the three services.
#[derive(PartialEq, Eq, Hash)]
enum Item<G: Value, S: Value, A: Value> {
    Get(Shared<G>),
    Set(Shared<S>),
    Action(Shared<A>),
}

impl<G: Value, S: Value, A: Value> Item<G, S, A> {
    fn cast(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(get) = object.cast::<G>() {
            return Ok(Self::Get(Shared(get.clone().unbind())));
        }
        if let Ok(set) = object.cast::<S>() {
            return Ok(Self::Set(Shared(set.clone().unbind())));
        }
        match object.cast::<A>() {
            Ok(action) => Ok(Self::Action(Shared(action.clone().unbind()))),
            Err(_) => Err(PyTypeError::new_err(
                "the items of ACCESS are all requests, or all responses, of GET, SET and ACTION",
            )),
        }
    }

    fn all(objects: &[Bound<'_, PyAny>]) -> PyResult<Vec<Self>> {
        objects.iter().map(Self::cast).collect()
    }

    fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match self {
            Self::Get(item) => item.0.bind(py).as_any().clone(),
            Self::Set(item) => item.0.bind(py).as_any().clone(),
            Self::Action(item) => item.0.bind(py).as_any().clone(),
        }
    }

    fn tuple<'py>(items: &[Self], py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, items.iter().map(|item| item.object(py)))
    }
}

type RequestItem = Item<GetRequest, SetRequest, ActionRequest>;
type ResponseItem = Item<GetResponse, SetResponse, ActionResponse>;

impl RequestItem {
    /// From what was asked for and the data that go with it.
    fn from_core(
        py: Python<'_>,
        specification: &AccessSpecification<'_>,
        data: RawData<'_>,
    ) -> PyResult<Self> {
        let (attribute, access_selection) = match specification {
            AccessSpecification::Action(method) => {
                let parameter = Some(&data).filter(|data| **data != NULL_DATA);
                let action = ActionRequest::from_core(py, method, parameter, None);
                return Ok(Self::Action(Shared(Py::new(py, action)?)));
            }
            AccessSpecification::Get(attribute) | AccessSpecification::Set(attribute) => {
                (*attribute, None)
            }
            AccessSpecification::GetWithSelection(attribute, part)
            | AccessSpecification::SetWithSelection(attribute, part) => (*attribute, Some(*part)),
        };
        let attribute = AttributeSelection {
            attribute,
            access_selection,
        };
        if specification.service() == access::AccessService::Get {
            let get = GetRequest::from_core(py, &attribute, None);
            return Ok(Self::Get(Shared(Py::new(py, get)?)));
        }
        let set = SetRequest::from_core(py, &SetItem { attribute, data }, None);
        Ok(Self::Set(Shared(Py::new(py, set)?)))
    }

    fn wire<'a>(&'a self, py: Python<'a>) -> AccessItem<'a, Parameter<'a>> {
        match self {
            Self::Get(item) => {
                let target = item.0.get().item(py);
                let specification = match target.access_selection {
                    None => AccessSpecification::Get(target.attribute),
                    Some(part) => AccessSpecification::GetWithSelection(target.attribute, part),
                };
                let data = Parameter::Data(NULL_DATA);
                AccessItem {
                    specification,
                    data,
                }
            }
            Self::Set(item) => {
                let SetItem {
                    attribute: target,
                    data,
                } = item.0.get().item(py);
                let specification = match target.access_selection {
                    None => AccessSpecification::Set(target.attribute),
                    Some(part) => AccessSpecification::SetWithSelection(target.attribute, part),
                };
                let data = Parameter::Data(data);
                AccessItem {
                    specification,
                    data,
                }
            }
            Self::Action(item) => {
                let action = item.0.get().item(py);
                AccessItem {
                    specification: AccessSpecification::Action(action.method),
                    data: action.parameter,
                }
            }
        }
    }
}

impl ResponseItem {
    fn from_core(py: Python<'_>, outcome: &AccessOutcome<'_>) -> PyResult<Self> {
        Ok(match outcome.result {
            AccessResult::Get(result) => {
                let result = if result == DataAccessResult::Success {
                    GetDataResult::Data(outcome.data)
                } else {
                    GetDataResult::DataAccessResult(result)
                };
                let get = GetResponse::from_core(py, &result, ITEM_INVOKE);
                Self::Get(Shared(Py::new(py, get)?))
            }
            AccessResult::Set(result) => {
                let set = SetResponse::from_core(py, result, ITEM_INVOKE);
                Self::Set(Shared(Py::new(py, set)?))
            }
            AccessResult::Action(result) => {
                let returned = Some(outcome.data).filter(|data| *data != NULL_DATA);
                let outcome = ActionOutcome {
                    result,
                    return_parameters: returned.map(GetDataResult::Data),
                };
                let action = ActionResponse::from_core(py, &outcome, ITEM_INVOKE);
                Self::Action(Shared(Py::new(py, action)?))
            }
        })
    }

    fn wire<'a>(&'a self, py: Python<'a>) -> AccessOutcome<'a> {
        match self {
            Self::Get(item) => match item.0.get().item(py) {
                GetDataResult::Data(data) => AccessOutcome {
                    result: AccessResult::Get(DataAccessResult::Success),
                    data,
                },
                GetDataResult::DataAccessResult(result) => AccessOutcome {
                    result: AccessResult::Get(result),
                    data: NULL_DATA,
                },
            },
            Self::Set(item) => AccessOutcome {
                result: AccessResult::Set(item.0.get().item()),
                data: NULL_DATA,
            },
            Self::Action(item) => {
                let outcome = item.0.get().item(py);
                let data = match outcome.return_parameters {
                    Some(GetDataResult::Data(data)) => data,
                    _ => NULL_DATA,
                };
                AccessOutcome {
                    result: AccessResult::Action(outcome.result),
                    data,
                }
            }
        }
    }
}

/// access-request.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct AccessRequest {
    items: Vec<RequestItem>,
    /// The options, and the invoke id where it is given.
    options: u32,
    numbered: bool,
    date_time: OptionalDateTime,
}

impl AccessRequest {
    pub(crate) fn from_core(py: Python<'_>, request: &access::AccessRequest<'_>) -> PyResult<Self> {
        let items = request
            .items
            .iter()
            .map(|item| RequestItem::from_core(py, &item.specification, item.data));
        Ok(Self {
            items: items.collect::<PyResult<_>>()?,
            options: request.long_invoke_id_and_priority.0,
            numbered: true,
            date_time: request.date_time,
        })
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        if self.numbered {
            Invoke::None
        } else {
            Invoke::NextLong
        }
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> access::AccessRequest<'a, Parameter<'a>> {
        access::AccessRequest {
            long_invoke_id_and_priority: LongInvokeIdAndPriority(self.options),
            date_time: self.date_time,
            items: self.items.iter().map(|item| item.wire(py)).collect(),
        }
    }
}

#[pymethods]
impl AccessRequest {
    #[new]
    #[pyo3(signature = (
        items, *, confirmed = true, break_on_error = false, self_descriptive = false, high_priority = true,
        date_time = Vec::new(), long_invoke_id_and_priority = None
    ))]
    fn new(
        items: Vec<Bound<'_, PyAny>>,
        confirmed: bool,
        break_on_error: bool,
        self_descriptive: bool,
        high_priority: bool,
        date_time: Vec<u8>,
        long_invoke_id_and_priority: Option<u32>,
    ) -> PyResult<Self> {
        if items.is_empty() {
            return Err(PyValueError::new_err("ACCESS has at least one item"));
        }
        let flags = [
            (confirmed, CONFIRMED),
            (break_on_error, BREAK_ON_ERROR),
            (self_descriptive, SELF_DESCRIPTIVE),
            (high_priority, HIGH_PRIORITY),
        ];
        let options = flags
            .iter()
            .filter(|(set, _)| *set)
            .fold(0, |bits, (_, bit)| bits | bit);
        Ok(Self {
            items: Item::all(&items)?,
            options: long_invoke_id_and_priority.unwrap_or(options),
            numbered: long_invoke_id_and_priority.is_some(),
            date_time: optional_date_time(&date_time)?,
        })
    }

    #[getter]
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        Item::tuple(&self.items, py)
    }

    #[getter]
    const fn confirmed(&self) -> bool {
        LongInvokeIdAndPriority(self.options).confirmed()
    }

    #[getter]
    const fn break_on_error(&self) -> bool {
        LongInvokeIdAndPriority(self.options).break_on_error()
    }

    #[getter]
    const fn self_descriptive(&self) -> bool {
        LongInvokeIdAndPriority(self.options).self_descriptive()
    }

    #[getter]
    const fn high_priority(&self) -> bool {
        LongInvokeIdAndPriority(self.options).high_priority()
    }

    #[getter]
    fn date_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        date_time_object(py, self.date_time)
    }

    #[getter]
    fn long_invoke_id_and_priority(&self) -> Option<u32> {
        self.numbered.then_some(self.options)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut wire = self.wire(py, ITEM_INVOKE);
        if !self.numbered {
            wire.long_invoke_id_and_priority = wire.long_invoke_id_and_priority.with_invoke_id(1);
        }
        emitted(py, &wire)
    }

    fn __repr__(&self) -> String {
        format!(
            "AccessRequest(items=<{}>, long_invoke_id_and_priority={})",
            self.items.len(),
            shown(self.long_invoke_id_and_priority().as_ref())
        )
    }
}

/// access-response.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct AccessResponse {
    items: Vec<ResponseItem>,
    request_items: Option<Vec<RequestItem>>,
    #[pyo3(get)]
    long_invoke_id_and_priority: u32,
    date_time: OptionalDateTime,
}

impl AccessResponse {
    pub(crate) fn from_core(
        py: Python<'_>,
        response: &access::AccessResponse<'_>,
    ) -> PyResult<Self> {
        let items = response
            .outcomes
            .iter()
            .map(|outcome| ResponseItem::from_core(py, outcome));
        let repeated = response.specifications.as_ref().map(|specifications| {
            specifications
                .0
                .iter()
                .map(|specification| RequestItem::from_core(py, specification, NULL_DATA))
                .collect()
        });
        Ok(Self {
            items: items.collect::<PyResult<_>>()?,
            request_items: repeated.transpose()?,
            long_invoke_id_and_priority: response.long_invoke_id_and_priority.0,
            date_time: response.date_time,
        })
    }

    #[allow(clippy::unused_self, reason = "every class of an APDU has it")]
    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::None
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        _invoke: InvokeIdAndPriority,
    ) -> access::AccessResponse<'a> {
        let specifications = self.request_items.as_ref().map(|items| {
            SequenceOf(
                items
                    .iter()
                    .map(|item| item.wire(py).specification)
                    .collect(),
            )
        });
        access::AccessResponse {
            long_invoke_id_and_priority: LongInvokeIdAndPriority(self.long_invoke_id_and_priority),
            date_time: self.date_time,
            specifications,
            outcomes: self.items.iter().map(|item| item.wire(py)).collect(),
        }
    }
}

#[pymethods]
impl AccessResponse {
    #[new]
    #[pyo3(signature = (items, *, request_items = None, date_time = Vec::new(), long_invoke_id_and_priority = 0x4000_0001))]
    fn new(
        items: Vec<Bound<'_, PyAny>>,
        request_items: Option<Vec<Bound<'_, PyAny>>>,
        date_time: Vec<u8>,
        long_invoke_id_and_priority: u32,
    ) -> PyResult<Self> {
        Ok(Self {
            items: Item::all(&items)?,
            request_items: request_items.as_deref().map(Item::all).transpose()?,
            long_invoke_id_and_priority,
            date_time: optional_date_time(&date_time)?,
        })
    }

    #[getter]
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        Item::tuple(&self.items, py)
    }

    #[getter]
    fn request_items<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.request_items
            .as_ref()
            .map(|items| Item::tuple(items, py))
            .transpose()
    }

    #[getter]
    fn date_time<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        date_time_object(py, self.date_time)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, ITEM_INVOKE))
    }

    fn __repr__(&self) -> String {
        format!(
            "AccessResponse(items=<{}>, long_invoke_id_and_priority={})",
            self.items.len(),
            self.long_invoke_id_and_priority
        )
    }
}
