//! Requests and responses with a list of items of one service.

use dlms_fw_core::apdu::Apdu;
use dlms_fw_core::axdr::RawData;
use dlms_fw_core::xdlms::action::{
    self, ActionItem, ActionOutcome, ActionRequestForm, ActionResponseForm,
};
use dlms_fw_core::xdlms::descriptor::AttributeSelection;
use dlms_fw_core::xdlms::get::{self, GetRequestForm, GetResponseForm};
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use dlms_fw_core::xdlms::result::{DataAccessResult, GetDataResult};
use dlms_fw_core::xdlms::sequence_of::SequenceOf;
use dlms_fw_core::xdlms::set::{self, SetItem, SetRequestForm, SetResponseForm};
use pyo3::PyClass;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::{
    ActionRequest, ActionResponse, GetRequest, GetResponse, Parameter, SetRequest, SetResponse,
};
use crate::image::emitted;
use crate::invoke::Invoke;
use crate::shared::{Shared, Value, shown};

/// Items of one service: GET, SET or ACTION.
#[derive(PartialEq, Eq, Hash)]
enum Items<G: Value, S: Value, A: Value> {
    Get(Vec<Shared<G>>),
    Set(Vec<Shared<S>>),
    Action(Vec<Shared<A>>),
}

impl<G: Value, S: Value, A: Value> Items<G, S, A> {
    fn new(items: &[Bound<'_, PyAny>]) -> PyResult<Self> {
        let Some(first) = items.first() else {
            return Err(PyValueError::new_err("a list has at least one item"));
        };
        if first.is_instance_of::<G>() {
            each(items).map(Self::Get)
        } else if first.is_instance_of::<S>() {
            each(items).map(Self::Set)
        } else {
            each(items).map(Self::Action)
        }
    }

    fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self {
            Self::Get(items) => PyTuple::new(py, items.iter().map(|item| item.0.bind(py))),
            Self::Set(items) => PyTuple::new(py, items.iter().map(|item| item.0.bind(py))),
            Self::Action(items) => PyTuple::new(py, items.iter().map(|item| item.0.bind(py))),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Get(items) => format!("<{} of GET>", items.len()),
            Self::Set(items) => format!("<{} of SET>", items.len()),
            Self::Action(items) => format!("<{} of ACTION>", items.len()),
        }
    }
}

/// All items as objects of one class.
fn each<T: Value>(items: &[Bound<'_, PyAny>]) -> PyResult<Vec<Shared<T>>> {
    items
        .iter()
        .map(|item| match item.cast::<T>() {
            Ok(item) => Ok(Shared(item.clone().unbind())),
            Err(_) => Err(PyTypeError::new_err(
                "the items of a list belong to one service, all requests or all responses",
            )),
        })
        .collect()
}

/// New objects for what has been parsed.
fn objects<T: PyClass + Into<PyClassInitializer<T>>, I>(
    py: Python<'_>,
    items: &[I],
    object: impl Fn(&I) -> T,
) -> PyResult<Vec<Shared<T>>> {
    items
        .iter()
        .map(|item| Ok(Shared(Py::new(py, object(item))?)))
        .collect()
}

/// GET, SET or ACTION.request with a list.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct RequestList {
    items: Items<GetRequest, SetRequest, ActionRequest>,
    #[pyo3(get)]
    confirmed: bool,
    #[pyo3(get)]
    invoke_id_and_priority: Option<u8>,
}

impl RequestList {
    pub(crate) fn from_get(
        py: Python<'_>,
        attributes: &[AttributeSelection<'_>],
        invoke: InvokeIdAndPriority,
    ) -> PyResult<Self> {
        let items = objects(py, attributes, |attribute| {
            GetRequest::from_core(py, attribute, None)
        })?;
        Ok(Self::from_items(Items::Get(items), invoke))
    }

    pub(crate) fn from_set(
        py: Python<'_>,
        items: &[SetItem<'_>],
        invoke: InvokeIdAndPriority,
    ) -> PyResult<Self> {
        let items = objects(py, items, |item| SetRequest::from_core(py, item, None))?;
        Ok(Self::from_items(Items::Set(items), invoke))
    }

    pub(crate) fn from_action(
        py: Python<'_>,
        items: &[ActionItem<RawData<'_>>],
        invoke: InvokeIdAndPriority,
    ) -> PyResult<Self> {
        let items = objects(py, items, |item| ActionRequest::from_item(py, item))?;
        Ok(Self::from_items(Items::Action(items), invoke))
    }

    const fn from_items(
        items: Items<GetRequest, SetRequest, ActionRequest>,
        invoke: InvokeIdAndPriority,
    ) -> Self {
        Self {
            items,
            confirmed: invoke.confirmed(),
            invoke_id_and_priority: Some(invoke.0),
        }
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::of_request(self.invoke_id_and_priority, self.confirmed)
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        invoke: InvokeIdAndPriority,
    ) -> Apdu<'a, Parameter<'a>> {
        let invoke_id_and_priority = invoke;
        match &self.items {
            Items::Get(items) => {
                let attributes = items.iter().map(|item| item.0.get().item(py)).collect();
                let form = GetRequestForm::WithList(SequenceOf(attributes));
                get::GetRequest {
                    invoke_id_and_priority,
                    form,
                }
                .into()
            }
            Items::Set(items) => {
                let form = SetRequestForm::WithList(
                    items.iter().map(|item| item.0.get().item(py)).collect(),
                );
                set::SetRequest {
                    invoke_id_and_priority,
                    form,
                }
                .into()
            }
            Items::Action(items) => {
                let form = ActionRequestForm::WithList(
                    items.iter().map(|item| item.0.get().item(py)).collect(),
                );
                action::ActionRequest {
                    invoke_id_and_priority,
                    form,
                }
                .into()
            }
        }
    }
}

#[pymethods]
impl RequestList {
    #[new]
    #[pyo3(signature = (items, *, invoke_id_and_priority = None))]
    fn new(items: Vec<Bound<'_, PyAny>>, invoke_id_and_priority: Option<u8>) -> PyResult<Self> {
        let items = Items::<GetRequest, SetRequest, ActionRequest>::new(&items)?;
        let classes: Vec<bool> = match &items {
            Items::Get(_) => vec![true],
            Items::Set(items) => items
                .iter()
                .map(|item| item.0.get().is_confirmed())
                .collect(),
            Items::Action(items) => items
                .iter()
                .map(|item| item.0.get().is_confirmed())
                .collect(),
        };
        let confirmed = match invoke_id_and_priority {
            Some(octet) => InvokeIdAndPriority(octet).confirmed(),
            None => classes[0],
        };
        if classes.iter().any(|class| *class != classes[0]) {
            return Err(PyValueError::new_err(
                "the items of a list are all confirmed or all unconfirmed",
            ));
        }
        Ok(Self {
            items,
            confirmed,
            invoke_id_and_priority,
        })
    }

    #[getter]
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.items.tuple(py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let invoke = shown(self.invoke_id_and_priority.as_ref());
        format!(
            "RequestList(items={}, invoke_id_and_priority={invoke})",
            self.items.shown()
        )
    }
}

/// GET, SET or ACTION.response with a list.
#[pyclass(frozen, eq, hash, module = "dlms_fw._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ResponseList {
    items: Items<GetResponse, SetResponse, ActionResponse>,
    #[pyo3(get)]
    invoke_id_and_priority: u8,
}

impl ResponseList {
    pub(crate) fn from_get(
        py: Python<'_>,
        results: &[GetDataResult<'_>],
        invoke: InvokeIdAndPriority,
    ) -> PyResult<Self> {
        let items = objects(py, results, |result| {
            GetResponse::from_core(py, result, invoke)
        })?;
        Ok(Self {
            items: Items::Get(items),
            invoke_id_and_priority: invoke.0,
        })
    }

    pub(crate) fn from_set(
        py: Python<'_>,
        results: &[DataAccessResult],
        invoke: InvokeIdAndPriority,
    ) -> PyResult<Self> {
        let items = objects(py, results, |result| {
            SetResponse::from_core(py, *result, invoke)
        })?;
        Ok(Self {
            items: Items::Set(items),
            invoke_id_and_priority: invoke.0,
        })
    }

    pub(crate) fn from_action(
        py: Python<'_>,
        outcomes: &[ActionOutcome<'_>],
        invoke: InvokeIdAndPriority,
    ) -> PyResult<Self> {
        let items = objects(py, outcomes, |outcome| {
            ActionResponse::from_core(py, outcome, invoke)
        })?;
        Ok(Self {
            items: Items::Action(items),
            invoke_id_and_priority: invoke.0,
        })
    }

    pub(crate) const fn invoke(&self) -> Invoke {
        Invoke::Given(InvokeIdAndPriority(self.invoke_id_and_priority))
    }

    pub(crate) fn wire<'a>(
        &'a self,
        py: Python<'a>,
        invoke: InvokeIdAndPriority,
    ) -> Apdu<'a, Parameter<'a>> {
        let invoke_id_and_priority = invoke;
        match &self.items {
            Items::Get(items) => {
                let results = items.iter().map(|item| item.0.get().item(py)).collect();
                let form = GetResponseForm::WithList(SequenceOf(results));
                get::GetResponse {
                    invoke_id_and_priority,
                    form,
                }
                .into()
            }
            Items::Set(items) => {
                let results = items.iter().map(|item| item.0.get().item()).collect();
                let form = SetResponseForm::WithList(SequenceOf(results));
                set::SetResponse {
                    invoke_id_and_priority,
                    form,
                }
                .into()
            }
            Items::Action(items) => {
                let outcomes = items.iter().map(|item| item.0.get().item(py)).collect();
                let form = ActionResponseForm::WithList(SequenceOf(outcomes));
                action::ActionResponse {
                    invoke_id_and_priority,
                    form,
                }
                .into()
            }
        }
    }
}

#[pymethods]
impl ResponseList {
    #[new]
    #[pyo3(signature = (items, *, invoke_id_and_priority = 0xC1))]
    fn new(items: Vec<Bound<'_, PyAny>>, invoke_id_and_priority: u8) -> PyResult<Self> {
        Ok(Self {
            items: Items::new(&items)?,
            invoke_id_and_priority,
        })
    }

    #[getter]
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.items.tuple(py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py, self.invoke().or_default()))
    }

    fn __repr__(&self) -> String {
        let (items, invoke) = (self.items.shown(), self.invoke_id_and_priority);
        format!("ResponseList(items={items}, invoke_id_and_priority={invoke})")
    }
}
