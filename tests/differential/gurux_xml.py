"""Abstract values as the XML that gurux-dlms reads and writes for APDUs; its parser and its writer of octets
stand behind that. A node is ``[tag, attributes, children]``, as JSON carries it to the referee and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from differential import compact

Node = list[Any]

_TYPES = {
    "boolean": "Boolean",
    "bit-string": "BitString",
    "octet-string": "OctetString",
    "visible-string": "String",
    "utf8-string": "StringUTF8",
    "float32": "Float32",
    "float64": "Float64",
    "date-time": "DateTime",
    "date": "Date",
    "time": "Time",
}
_NUMBERS = {
    "double-long": ("Int32", 8),
    "double-long-unsigned": ("UInt32", 8),
    "bcd": ("BCD", 2),
    "integer": ("Int8", 2),
    "long": ("Int16", 4),
    "unsigned": ("UInt8", 2),
    "long-unsigned": ("UInt16", 4),
    "long64": ("Int64", 16),
    "long64-unsigned": ("UInt64", 16),
    "enum": ("Enum", 2),
}
_RESULTS = {
    0: "Success",
    1: "HardwareFault",
    2: "TemporaryFailure",
    3: "ReadWriteDenied",
    4: "UndefinedObject",
    9: "InconsistentClass",
    11: "UnavailableObject",
    12: "UnmatchedType",
    13: "AccessViolated",
    14: "DataBlockUnavailable",
    15: "LongGetOrReadAborted",
    16: "NoLongGetOrReadInProgress",
    17: "LongSetOrWriteAborted",
    18: "NoLongSetOrWriteInProgress",
    19: "DataBlockNumberInvalid",
    250: "OtherReason",
}
_CONFORMANCE = (
    "ReservedZero",
    "GeneralProtection",
    "GeneralBlockTransfer",
    "Read",
    "Write",
    "UnconfirmedWrite",
    "DeltaValueEncoding",
    "ReservedSeven",
    "Attribute0SupportedWithSet",
    "PriorityMgmtSupported",
    "Attribute0SupportedWithGet",
    "BlockTransferWithGetOrRead",
    "BlockTransferWithSetOrWrite",
    "BlockTransferWithAction",
    "MultipleReferences",
    "InformationReport",
    "DataNotification",
    "Access",
    "ParameterizedAccess",
    "Get",
    "Set",
    "SelectiveAccess",
    "EventNotification",
    "Action",
)
_ERRORS = {
    0: (
        "ApplicationReference",
        (
            "Other",
            "TimeElapsed",
            "ApplicationUnreachable",
            "ApplicationReferenceInvalid",
            "ApplicationContextUnsupported",
            "ProviderCommunicationError",
            "DecipheringError",
        ),
    ),
    1: (
        "HardwareResource",
        (
            "Other",
            "MemoryUnavailable",
            "ProcessorResourceUnavailable",
            "MassStorageUnavailable",
            "OtherResourceUnavailable",
        ),
    ),
    2: (
        "VdeStateError",
        ("Other", "NoDlmsContext", "LoadingDataSet", "StatusNochange", "StatusInoperable"),
    ),
    3: ("Service", ("Other", "PduSize", "ServiceUnsupported")),
    4: (
        "Definition",
        ("Other", "ObjectUndefined", "ObjectClassInconsistent", "ObjectAttributeInconsistent"),
    ),
    5: (
        "Access",
        (
            "Other",
            "ScopeOfAccessViolated",
            "ObjectAccessInvalid",
            "HardwareFault",
            "ObjectUnavailable",
        ),
    ),
    6: (
        "Initiate",
        (
            "Other",
            "DlmsVersionTooLow",
            "IncompatibleConformance",
            "PduSizeTooShort",
            "RefusedByTheVDEHandler",
        ),
    ),
}


def _node(tag: str, *children: Node, **attributes: str) -> Node:
    return [tag, attributes, list(children)]


def _value(tag: str, value: str) -> Node:
    return _node(tag, Value=value)


def _hex(number: int, digits: int) -> str:
    return f"{number & (1 << 4 * digits) - 1:0{digits}X}"


def _number(tag: str, number: int, digits: int) -> Node:
    return _value(tag, _hex(number, digits))


def _octets(tag: str, octets: str) -> Node:
    return _value(tag, octets.upper())


def data(value: list[Any]) -> Node:
    """A value of Data."""
    name, content = value
    if name in ("array", "structure"):
        return _node(name.capitalize(), *(data(member) for member in content), Qty=_hex(len(content), 2))
    if name == "null-data":
        return _node("None")
    if name == "boolean":
        return _value("Boolean", str(content))
    if name == "utf8-string" and not content.isascii():
        return _value("StringUTF8", content.encode().hex(" ").upper())
    if name in ("visible-string", "utf8-string", "bit-string"):
        return _value(_TYPES[name], content)
    if name == "visible-string as utf8":
        return _value("StringUTF8", content)
    if name in _TYPES:
        return _octets(_TYPES[name], content)
    tag, digits = _NUMBERS[name]
    return _number(tag, content, digits)


# --- Services -----------------------------------------------------------------------------------------------


def _invoke(it: Any) -> Node:
    return _number("InvokeIdAndPriority", it["invoke"], 2)


def _descriptor(of: str, it: list[Any]) -> Node:
    class_id, name, number = it
    return _node(
        f"{of}Descriptor",
        _number("ClassId", class_id, 4),
        _octets("InstanceId", name),
        _number(f"{of}Id", number, 2),
    )


def _selection(it: list[Any] | None) -> list[Node]:
    if it is None:
        return []
    selector, parameters = it
    parameter = _node("AccessParameters", data(parameters))
    return [_node("AccessSelection", _number("AccessSelector", selector, 2), parameter)]


def _items(it: Any) -> Node:
    items = (
        _node("AttributeDescriptorWithSelection", _descriptor("Attribute", attribute), *_selection(selection))
        for attribute, selection in it["items"]
    )
    return _node("AttributeDescriptorList", *items, Qty=_hex(len(it["items"]), 2))


def _request(service: str, form: str, it: Any, *fields: Node) -> Node:
    return _node(f"{service}Request", _node(f"{service}Request{form}", _invoke(it), *fields))


def _response(service: str, form: str, it: Any, *fields: Node) -> Node:
    return _node(f"{service}Response", _node(f"{service}Response{form}", _invoke(it), *fields))


def _get_request(it: Any) -> Node:
    return _request(
        "Get", "Normal", it, _descriptor("Attribute", it["attribute"]), *_selection(it["selection"])
    )


def _set_request(it: Any) -> Node:
    attribute = _descriptor("Attribute", it["attribute"])
    return _request(
        "Set", "Normal", it, attribute, *_selection(it["selection"]), _node("Value", data(it["data"]))
    )


def _set_request_list(it: Any) -> Node:
    values = _node("ValueList", *(data(value) for value in it["data"]), Qty=_hex(len(it["data"]), 2))
    return _request("Set", "WithList", it, _items(it), values)


def _get_response_list(it: Any) -> Node:
    results = (
        _node("Data", data(value)) if not result else _value("DataAccessError", _RESULTS[result])
        for result, value in it["items"]
    )
    return _response("Get", "WithList", it, _node("Result", *results, Qty=_hex(len(it["items"]), 2)))


def _set_response_list(it: Any) -> Node:
    results = (_value("DataAccessResult", _RESULTS[result]) for result in it["results"])
    return _response("Set", "WithList", it, _node("Result", *results, Qty=str(len(it["results"]))))


def _action_request(it: Any) -> Node:
    method, parameter = _descriptor("Method", it["method"]), it["parameter"]
    fields = [] if parameter is None else [_node("MethodInvocationParameters", data(parameter))]
    return _request("Action", "Normal", it, method, *fields)


def _action_response(it: Any) -> Node:
    result, value, error = it["item"]
    fields = []
    if value is not None:
        fields = [_node("ReturnParameters", _node("Data", data(value)))]
    if error is not None:
        fields = [_node("ReturnParameters", _value("DataAccessError", _RESULTS[error]))]
    return _response("Action", "Normal", it, _value("Result", _RESULTS[result]), *fields)


def _exception_response(it: Any) -> Node:
    states = {1: "ServiceNotAllowed", 2: "ServiceUnknown"}
    services = {1: "OperationNotPossible", 2: "ServiceNotSupported", 3: "OtherReason"}
    return _node(
        "ExceptionResponse",
        _value("StateError", states[it["state"]]),
        _value("ServiceError", services.get(it["service"], "")),
    )


def _confirmed_service_error(it: Any) -> Node:
    name, values = _ERRORS[it["choice"]]
    error = _node("ServiceError", _value(name, values[it["value"]]))
    return _node("ConfirmedServiceError", _number("Service", it["service"], 2), error)


def _data_notification(it: Any) -> Node:
    body = _node("NotificationBody", _node("DataValue", data(it["data"])))
    invoke = _number("LongInvokeIdAndPriority", it["invoke"], 8)
    return _node("DataNotification", invoke, _octets("DateTime", it["time"]), body)


def _event_notification(it: Any) -> Node:
    time = [] if it["time"] is None else [_octets("Time", it["time"])]
    attribute = _descriptor("Attribute", it["attribute"])
    return _node("EventNotificationRequest", *time, attribute, _node("AttributeValue", data(it["data"])))


def _access_request(it: Any) -> Node:
    specifications = []
    for service, descriptor, selection, _ in it["items"]:
        fields = [_descriptor("Attribute", descriptor), *_selection(selection)]
        tag = f"AccessRequest{service}" + ("WithSelection" if selection else "")
        specifications.append(_node("_AccessRequestSpecification", _node(tag, *fields)))
    values = [data(value) for *_, value in it["items"]]
    quantity = _hex(len(values), 2)
    return _node(
        "AccessRequest",
        _number("LongInvokeIdAndPriority", it["invoke"], 8),
        _octets("DateTime", it["time"]),
        _node(
            "AccessRequestBody",
            _node("AccessRequestSpecification", *specifications, Qty=quantity),
            _node("AccessRequestListOfData", *values, Qty=quantity),
        ),
    )


def _access_response(it: Any) -> Node:
    values = [data(value) for *_, value in it["items"]]
    specifications = (
        _node(
            "_AccessResponseSpecification",
            _node(f"AccessResponse{service}", _value("Result", _RESULTS[result])),
        )
        for service, result, _ in it["items"]
    )
    quantity = _hex(len(values), 2)
    return _node(
        "AccessResponse",
        _number("LongInvokeIdAndPriority", it["invoke"], 8),
        _octets("DateTime", it["time"]),
        _node(
            "AccessResponseBody",
            _node("AccessResponseListOfData", *values, Qty=quantity),
            _node("AccessResponseSpecification", *specifications, Qty=quantity),
        ),
    )


# --- Short names --------------------------------------------------------------------------------------------


def _variable(it: list[Any]) -> Node:
    name, parameterised = it
    variable = _number("VariableName", name, 4)
    if parameterised is None:
        return variable
    selector, parameter = parameterised
    return _node(
        "ParameterisedAccess", variable, _number("Selector", selector, 2), _node("Parameter", data(parameter))
    )


def _counted(tag: str, nodes: list[Node]) -> Node:
    return _node(tag, *nodes, Qty=_hex(len(nodes), 2))


def _read_response(it: Any) -> Node:
    results = [
        _value("DataAccessError", _RESULTS[result]) if result else _node("Data", data(value))
        for result, value in it["results"]
    ]
    return _counted("ReadResponse", results)


def _write_response(it: Any) -> Node:
    results = [
        _value("DataAccessError", _RESULTS[result]) if result else _node("Success")
        for result in it["results"]
    ]
    return _counted("WriteResponse", results)


def _with_values(tag: str, it: Any) -> Node:
    variables = [_variable(variable) for variable in it["variables"]]
    values = [data(value) for value in it["data"]]
    return _node(
        tag, _counted("ListOfVariableAccessSpecification", variables), _counted("ListOfData", values)
    )


# --- Associations -------------------------------------------------------------------------------------------


def _conforming(tag: str, number: int) -> Node:
    bits = (
        _node("ConformanceBit", Name=name) for at, name in enumerate(_CONFORMANCE) if number >> 23 - at & 1
    )
    return _node(tag, *bits)


def _initiate_request(it: Any) -> Node:
    key = [] if it["dedicated_key"] is None else [_octets("DedicatedKey", it["dedicated_key"])]
    return _node(
        "InitiateRequest",
        *key,
        _number("ProposedDlmsVersionNumber", 6, 2),
        _conforming("ProposedConformance", it["conformance"]),
        _number("ProposedMaxPduSize", it["size"], 4),
    )


def _initiate_response(it: Any) -> Node:
    return _node(
        "InitiateResponse",
        _number("NegotiatedDlmsVersionNumber", 6, 2),
        _conforming("NegotiatedConformance", it["conformance"]),
        _number("NegotiatedMaxPduSize", it["size"], 4),
        _number("VaaName", it["vaa_name"], 4),
    )


def _release(tag: str, initiate: Callable[[Any], Node], reasons: dict[int, str], it: Any) -> Node:
    reason = [] if it["reason"] is None else [_value("Reason", reasons[it["reason"]])]
    fields = [] if it["initiate"] is None else [initiate(it["initiate"])]
    return _node(tag, *reason, *fields)


TREES: dict[str, Callable[[Any], Node]] = {
    "get-request": _get_request,
    "get-request-list": lambda it: _request("Get", "WithList", it, _items(it)),
    "get-response": lambda it: _response(
        "Get", "Normal", it, _node("Result", _node("Data", data(it["data"])))
    ),
    "get-response-error": lambda it: _response(
        "Get", "Normal", it, _node("Result", _value("DataAccessError", _RESULTS[it["result"]]))
    ),
    "get-response-list": _get_response_list,
    "set-request": _set_request,
    "set-request-list": _set_request_list,
    "set-response": lambda it: _response("Set", "Normal", it, _value("Result", _RESULTS[it["result"]])),
    "set-response-list": _set_response_list,
    "action-request": _action_request,
    "action-response": _action_response,
    "exception-response": _exception_response,
    "confirmed-service-error": _confirmed_service_error,
    "data-notification": _data_notification,
    "event-notification": _event_notification,
    "access-request": _access_request,
    "access-response": _access_response,
    "read-request": lambda it: _counted("ReadRequest", [_variable(variable) for variable in it["variables"]]),
    "read-response": _read_response,
    "write-request": lambda it: _with_values("WriteRequest", it),
    "write-response": _write_response,
    "information-report": lambda it: _with_values("InformationReportRequest", it),
    "initiate-request": _initiate_request,
    "initiate-response": _initiate_response,
    "rlrq": lambda it: _release(
        "ReleaseRequest", _initiate_request, {0: "Normal", 1: "Urgent", 30: "UserDefined"}, it
    ),
    "rlre": lambda it: _release(
        "ReleaseResponse", _initiate_response, {0: "Normal", 1: "NotFinished", 30: "UserDefined"}, it
    ),
}
"""By kind; what the referee reads of these comes back as such a tree."""

WRITTEN = (
    "get-request",
    "get-response",
    "get-response-error",
    "set-request",
    "set-request-list",
    "set-response",
    "action-request",
    "action-response",
    "exception-response",
    "access-request",
    "read-request",
    "read-response",
    "write-response",
    "information-report",
)
"""Kinds that the referee also writes from a tree; the others it writes in its own way, from the value."""


def says(kind: str, value: Any) -> Any:
    """What the referee gets to write from; it wants booleans and text in other words than it gives them."""
    return TREES[kind](_written(value)) if kind in WRITTEN else value


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _written(member) for key, member in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) == 2 and value[0] == "boolean":
        return ["boolean", f"{value[1]:02d}"]
    if len(value) == 2 and value[0] == "utf8-string":
        return ["visible-string as utf8", value[1]]
    return [_written(member) for member in value]


_HEARD: dict[str, Callable[[Any], Any]] = {
    "compact-array": lambda it: {"rows": [compact.in_lists(it["type"], row) for row in it["rows"]]},
}
"""Kinds of which it gives back a part only."""


def hears(kind: str, value: Any) -> Any:
    """What the referee should have read."""
    if kind in _HEARD:
        return _HEARD[kind](value)
    if kind in TREES and kind != "exception-response":
        return TREES[kind](value)
    return data(value) if isinstance(value, list) and kind not in ("date-time", "date", "time") else value
