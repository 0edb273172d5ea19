"""GET, SET, ACTION, notifications and errors: generators, and what `dlms_fw` makes of them.

An abstract APDU is a dict. ``attribute`` and ``method`` are ``[class_id, logical_name, id]``, ``selection``
is null or ``[selector, data]``, ``data`` is a value of `data`, ``invoke`` invoke-id-and-priority.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from differential import data
from differential.kinds import Kind, Source, logical_name, number
from dlms_fw import _core

DATA_ACCESS_RESULTS = (1, 2, 3, 4, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 250)
ACTION_RESULTS = (0, 1, 2, 3, 4, 9, 11, 12, 13, 14, 15, 16, 250)
CLASSES = (1, 3, 4, 5, 6, 7, 8, 9, 11, 15, 17, 18, 20, 21, 22, 23, 40, 64, 70, 71)
NULL_DATA = b"\x00"
Apdu = dict[str, Any]

# --- Generators ---------------------------------------------------------------------------------------------


def descriptor(source: Source) -> list[Any]:
    """Of an attribute or a method."""
    return [source.choice(CLASSES), logical_name(source), source.choice((1, 2, 3, source.randint(1, 127)))]


def invoke(source: Source) -> int:
    """invoke-id-and-priority, mostly as a client begins."""
    return source.choice(source.words.invokes) | source.choice((0, 0x40, 0x40, 0x80, 0xC0, 0xC0))


def entry_selection(source: Source) -> list[Any]:
    """entry_descriptor of the buffer of a profile."""
    entries = [["double-long-unsigned", number(source, 32)] for _ in range(2)]
    columns = [["long-unsigned", number(source, 16)] for _ in range(2)]
    return [2, ["structure", entries + columns]]


def range_selection(source: Source) -> list[Any]:
    """range_descriptor of the buffer of a profile, over the clock, all columns."""
    clock = [["long-unsigned", 8], ["octet-string", "0000010000ff"], ["integer", 2], ["long-unsigned", 0]]
    times = [["octet-string", clock_time(source)] for _ in range(2)]
    return [1, ["structure", [["structure", clock], *times, ["array", []]]]]


SELECTIONS = {"range": range_selection, "entry": entry_selection}


def clock_time(source: Source) -> str:
    """A date-time with everything specified but the weekday."""
    date = source.randint(2000, 2040), source.randint(1, 12), source.randint(1, 28), 0xFF
    time = source.randint(0, 23), source.randint(0, 59), source.randint(0, 59), source.choice((0, 25, 99))
    deviation = source.choice((-120, -60, 60, 300, 720, -720))
    return struct.pack(">HBBBBBBBhB", *date, *time, deviation, source.choice((0, 0x80))).hex()


def selection(source: Source) -> list[Any] | None:
    """Mostly none."""
    if source.random() < 0.6:
        return None
    return SELECTIONS[source.choice(source.words.selections)](source)


def several(source: Source) -> range:
    """As many items as a list may have; a list of more than 127 is a rare one."""
    return range(source.randint(1, 6) if source.random() < 0.99 else source.choice((127, 128, 130)))


def _get_request(source: Source) -> Apdu:
    return {"invoke": invoke(source), "attribute": descriptor(source), "selection": selection(source)}


def _get_request_list(source: Source) -> Apdu:
    items = [[descriptor(source), selection(source)] for _ in several(source)]
    return {"invoke": invoke(source), "items": items}


def _get_response(source: Source) -> Apdu:
    return {"invoke": invoke(source), "data": data.data(source)}


def _get_response_error(source: Source) -> Apdu:
    return {"invoke": invoke(source), "result": source.choice(DATA_ACCESS_RESULTS)}


def _get_response_list(source: Source) -> Apdu:
    def item() -> list[Any]:
        if source.random() < 0.3:
            return [source.choice(DATA_ACCESS_RESULTS), None]
        return [0, data.data(source, 1)]

    return {"invoke": invoke(source), "items": [item() for _ in several(source)]}


def _set_request(source: Source) -> Apdu:
    return _get_request(source) | {"data": data.data(source)}


def _set_request_list(source: Source) -> Apdu:
    it = _get_request_list(source)
    return it | {"data": [data.data(source, 1) for _ in it["items"]]}


def _set_response(source: Source) -> Apdu:
    return {"invoke": invoke(source), "result": source.choice((0, *DATA_ACCESS_RESULTS))}


def _set_response_list(source: Source) -> Apdu:
    results = [source.choice((0, *DATA_ACCESS_RESULTS)) for _ in several(source)]
    return {"invoke": invoke(source), "results": results}


def _parameter(source: Source) -> Any:
    return None if source.random() < 0.2 else data.data(source, 2)


def _action_request(source: Source) -> Apdu:
    return {"invoke": invoke(source), "method": descriptor(source), "parameter": _parameter(source)}


def _action_request_list(source: Source) -> Apdu:
    # In a list, a method without a parameter has null-data.
    items = [[descriptor(source), data.data(source, 1)] for _ in several(source)]
    return {"invoke": invoke(source), "items": items}


def _action_answer(source: Source) -> list[Any]:
    """Result, return parameters, and the data-access-result that may stand in their place."""
    result = source.choice(ACTION_RESULTS)
    shape = source.choice(("none", "data", "error"))
    if shape == "data":
        return [result, data.data(source, 2), None]
    return [result, None, source.choice(DATA_ACCESS_RESULTS) if shape == "error" else None]


def _action_response(source: Source) -> Apdu:
    return {"invoke": invoke(source), "item": _action_answer(source)}


def _action_response_list(source: Source) -> Apdu:
    return {"invoke": invoke(source), "items": [_action_answer(source) for _ in several(source)]}


def _exception_response(source: Source) -> Apdu:
    service = source.randint(1, 6)
    counter = number(source, 32) if service == 6 else None
    return {"state": source.randint(1, 2), "service": service, "counter": counter}


def _confirmed_service_error(source: Source) -> Apdu:
    choice, values = source.choice(((0, 7), (1, 5), (2, 5), (3, 3), (4, 4), (5, 5), (6, 5)))
    return {"service": source.choice((1, 5, 6)), "choice": choice, "value": source.randrange(values)}


def _data_notification(source: Source) -> Apdu:
    flags = source.choice((0, 0x40, 0x80, 0xC0))
    time = source.choice(("", "", clock_time(source)))
    return {"invoke": flags << 24 | number(source, 24), "time": time, "data": data.data(source)}


def _event_notification(source: Source) -> Apdu:
    time = source.choice((None, clock_time(source)))
    return {"time": time, "attribute": descriptor(source), "data": data.data(source)}


# --- To and from dlms_fw ------------------------------------------------------------------------------------


def _out(it: list[Any]) -> tuple[int, bytes, int]:
    class_id, name, number = it
    return class_id, bytes.fromhex(name), number


def _out_selection(it: list[Any] | None) -> tuple[int, bytes] | None:
    return it and (it[0], data.encode(it[1]))


def _in_selection(it: tuple[int, bytes] | None) -> list[Any] | None:
    return it and [it[0], data.decode(it[1])]


def _in_attribute(it: Any) -> list[Any]:
    return [it.class_id, it.logical_name.hex(), it.attribute_id]


def _in_method(it: Any) -> list[Any]:
    return [it.class_id, it.logical_name.hex(), it.method_id]


def _maybe(function: Callable[[Any], Any], it: Any) -> Any:
    return None if it is None else function(it)


def _from_get_request(it: _core.GetRequest) -> list[Any]:
    return [_in_attribute(it), _in_selection(it.selection)]


def _to_get_request(attribute: list[Any], chosen: list[Any] | None, **more: Any) -> _core.GetRequest:
    return _core.GetRequest(*_out(attribute), _out_selection(chosen), **more)


def _to_set_request(
    attribute: list[Any], chosen: list[Any] | None, value: list[Any], **more: Any
) -> _core.SetRequest:
    return _core.SetRequest(*_out(attribute), data.encode(value), _out_selection(chosen), **more)


def _to_action_request(method: list[Any], parameter: Any, **more: Any) -> _core.ActionRequest:
    return _core.ActionRequest(*_out(method), _maybe(data.encode, parameter), **more)


def _to_action_response(item: list[Any], **more: Any) -> _core.ActionResponse:
    result, value, error = item
    return _core.ActionResponse(result, _maybe(data.encode, value), data_result=error, **more)


def _from_action_response(it: _core.ActionResponse) -> list[Any]:
    return [it.result, _maybe(data.decode, it.data), it.data_result]


def _to_get_response(item: list[Any], **more: Any) -> _core.GetResponse:
    result, value = item
    return _core.GetResponse(result, _maybe(data.encode, value), **more)


def _from_list(it: Any, item: Callable[[Any], Any]) -> Apdu:
    return {"invoke": it.invoke_id_and_priority, "items": [item(member) for member in it.items]}


def _confirmed(it: Apdu) -> dict[str, Any]:
    return {"confirmed": bool(it["invoke"] & 0x40), "invoke_id_and_priority": it["invoke"]}


def _kind(
    name: str,
    sender: str,
    generate: Callable[[Source], Apdu],
    to_apdu: Callable[[Apdu], Any],
    from_apdu: Callable[[Any], Apdu],
) -> Kind:
    def decode(octets: Any) -> Apdu:
        return from_apdu(_core.decode_apdu(octets, sender))  # type: ignore[arg-type]

    return Kind(name, generate, lambda it: to_apdu(it).encode(), decode)


def _request(name: str, *how: Any) -> Kind:
    return _kind(name, "client", *how)


def _response(name: str, *how: Any) -> Kind:
    return _kind(name, "server", *how)


KINDS = (
    _request(
        "get-request",
        _get_request,
        lambda it: _to_get_request(it["attribute"], it["selection"], invoke_id_and_priority=it["invoke"]),
        lambda it: {
            "invoke": it.invoke_id_and_priority,
            "attribute": _in_attribute(it),
            "selection": _in_selection(it.selection),
        },
    ),
    _request(
        "get-request-list",
        _get_request_list,
        lambda it: _core.RequestList(
            [_to_get_request(*item) for item in it["items"]], invoke_id_and_priority=it["invoke"]
        ),
        lambda it: _from_list(it, _from_get_request),
    ),
    _response(
        "get-response",
        _get_response,
        lambda it: _to_get_response([0, it["data"]], invoke_id_and_priority=it["invoke"]),
        lambda it: {"invoke": it.invoke_id_and_priority, "data": data.decode(it.data)},
    ),
    _response(
        "get-response-error",
        _get_response_error,
        lambda it: _core.GetResponse(it["result"], invoke_id_and_priority=it["invoke"]),
        lambda it: {"invoke": it.invoke_id_and_priority, "result": it.result},
    ),
    _response(
        "get-response-list",
        _get_response_list,
        lambda it: _core.ResponseList(
            [_to_get_response(item) for item in it["items"]], invoke_id_and_priority=it["invoke"]
        ),
        lambda it: _from_list(it, lambda item: [item.result, _maybe(data.decode, item.data)]),
    ),
    _request(
        "set-request",
        _set_request,
        lambda it: _to_set_request(it["attribute"], it["selection"], it["data"], **_confirmed(it)),
        lambda it: {
            "invoke": it.invoke_id_and_priority,
            "attribute": _in_attribute(it),
            "selection": _in_selection(it.selection),
            "data": data.decode(it.data),
        },
    ),
    _request(
        "set-request-list",
        _set_request_list,
        lambda it: _core.RequestList(
            [_to_set_request(*item, value) for item, value in zip(it["items"], it["data"], strict=True)],
            invoke_id_and_priority=it["invoke"],
        ),
        lambda it: (
            _from_list(it, _from_get_request) | {"data": [data.decode(item.data) for item in it.items]}
        ),
    ),
    _response(
        "set-response",
        _set_response,
        lambda it: _core.SetResponse(it["result"], invoke_id_and_priority=it["invoke"]),
        lambda it: {"invoke": it.invoke_id_and_priority, "result": it.result},
    ),
    _response(
        "set-response-list",
        _set_response_list,
        lambda it: _core.ResponseList(
            [_core.SetResponse(result) for result in it["results"]], invoke_id_and_priority=it["invoke"]
        ),
        lambda it: {"invoke": it.invoke_id_and_priority, "results": [item.result for item in it.items]},
    ),
    _request(
        "action-request",
        _action_request,
        lambda it: _to_action_request(it["method"], it["parameter"], **_confirmed(it)),
        lambda it: {
            "invoke": it.invoke_id_and_priority,
            "method": _in_method(it),
            "parameter": _maybe(data.decode, it.parameter),
        },
    ),
    _request(
        "action-request-list",
        _action_request_list,
        lambda it: _core.RequestList(
            [_to_action_request(*item) for item in it["items"]], invoke_id_and_priority=it["invoke"]
        ),
        lambda it: _from_list(it, lambda item: [_in_method(item), data.decode(item.parameter or NULL_DATA)]),
    ),
    _response(
        "action-response",
        _action_response,
        lambda it: _to_action_response(it["item"], invoke_id_and_priority=it["invoke"]),
        lambda it: {"invoke": it.invoke_id_and_priority, "item": _from_action_response(it)},
    ),
    _response(
        "action-response-list",
        _action_response_list,
        lambda it: _core.ResponseList(
            [_to_action_response(item) for item in it["items"]], invoke_id_and_priority=it["invoke"]
        ),
        lambda it: _from_list(it, _from_action_response),
    ),
    _response(
        "exception-response",
        _exception_response,
        lambda it: _core.ExceptionResponse(it["state"], it["service"], invocation_counter=it["counter"]),
        lambda it: {"state": it.state_error, "service": it.service_error, "counter": it.invocation_counter},
    ),
    _response(
        "confirmed-service-error",
        _confirmed_service_error,
        lambda it: _core.ConfirmedServiceError(it["service"], it["choice"], it["value"]),
        lambda it: {"service": it.service, "choice": it.error_choice, "value": it.value},
    ),
    _response(
        "data-notification",
        _data_notification,
        lambda it: _core.DataNotification(it["invoke"], bytes.fromhex(it["time"]), data.encode(it["data"])),
        lambda it: {
            "invoke": it.long_invoke_id_and_priority,
            "time": it.date_time.hex(),
            "data": data.decode(it.data),
        },
    ),
    _response(
        "event-notification",
        _event_notification,
        lambda it: _core.EventNotification(
            *_out(it["attribute"]), data.encode(it["data"]), time=_maybe(bytes.fromhex, it["time"])
        ),
        lambda it: {
            "time": _maybe(bytes.hex, it.time),
            "attribute": _in_attribute(it),
            "data": data.decode(it.data),
        },
    ),
)
