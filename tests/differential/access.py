"""ACCESS requests and responses: generators, and what `dlms_fw` makes of them.

An item of a request is ``[service, descriptor, selection, data]``, one of a response
``[service, result, data]``.
"""

from __future__ import annotations

from typing import Any

from differential import data
from differential.kinds import Kind, Source, number
from differential.services import (
    ACTION_RESULTS,
    DATA_ACCESS_RESULTS,
    clock_time,
    descriptor,
    selection,
    several,
)
from dlms_fw import _core

NULL_DATA = ["null-data", None]


def _item(source: Source) -> list[Any]:
    service = source.choice(("Get", "Set", "Action"))
    if service == "Get":
        return [service, descriptor(source), selection(source), NULL_DATA]
    return [service, descriptor(source), None, data.data(source, 1)]


def _request(source: Source) -> dict[str, Any]:
    options = source.choice((0, 0x40, 0x80, 0xC0)) | source.choice((0, 0x20, 0x10, 0x30))
    time = source.choice(("", "", clock_time(source)))
    items = [_item(source) for _ in several(source)]
    return {"invoke": options << 24 | number(source, 24), "time": time, "items": items}


def _out(item: list[Any]) -> Any:
    service, (class_id, name, at), chosen, value = item
    logical_name = bytes.fromhex(name)
    if service == "Get":
        return _core.GetRequest(class_id, logical_name, at, chosen and (chosen[0], data.encode(chosen[1])))
    which = _core.SetRequest if service == "Set" else _core.ActionRequest
    return which(class_id, logical_name, at, data.encode(value))


def _in(it: Any) -> list[Any]:
    name = it.logical_name.hex()
    if isinstance(it, _core.GetRequest):
        chosen = it.selection and [it.selection[0], data.decode(it.selection[1])]
        return ["Get", [it.class_id, name, it.attribute_id], chosen, NULL_DATA]
    if isinstance(it, _core.SetRequest):
        return ["Set", [it.class_id, name, it.attribute_id], None, data.decode(it.data)]
    value = NULL_DATA if it.parameter is None else data.decode(it.parameter)
    return ["Action", [it.class_id, name, it.method_id], None, value]


def _encode(it: dict[str, Any]) -> bytes:
    options = it["invoke"] >> 24
    return _core.AccessRequest(
        [_out(item) for item in it["items"]],
        confirmed=bool(options & 0x40),
        break_on_error=bool(options & 0x20),
        self_descriptive=bool(options & 0x10),
        high_priority=bool(options & 0x80),
        date_time=bytes.fromhex(it["time"]),
        long_invoke_id_and_priority=it["invoke"],
    ).encode()


def _decode(octets: Any) -> dict[str, Any]:
    it: Any = _core.decode_apdu(octets, "client")
    return {
        "invoke": it.long_invoke_id_and_priority,
        "time": it.date_time.hex(),
        "items": [_in(item) for item in it.items],
    }


def _answer(source: Source, failures: float) -> list[Any]:
    service = source.choice(("Get", "Set", "Action"))
    result = 0
    if source.random() < failures:
        result = source.choice(ACTION_RESULTS[1:] if service == "Action" else DATA_ACCESS_RESULTS)
    value = NULL_DATA if service == "Set" or result else data.data(source, 1)
    return [service, result, value]


def _response(source: Source) -> dict[str, Any]:
    time = source.choice(("", "", clock_time(source)))
    failures = source.choice((0, 0, 0.3))
    asked = None
    items = [_answer(source, failures) for _ in several(source)]
    if source.random() < 0.2:
        asked = [[service, descriptor(source), None] for service, _, _ in items]
    flags = source.choice((0, 0x40, 0x80, 0xC0))
    return {"invoke": flags << 24 | number(source, 24), "time": time, "items": items, "asked": asked}


def _out_answer(item: list[Any]) -> Any:
    service, result, value = item
    if service == "Get":
        return _core.GetResponse(result, None if result else data.encode(value))
    if service == "Set":
        return _core.SetResponse(result)
    return _core.ActionResponse(result, None if value == NULL_DATA else data.encode(value))


def _in_answer(it: Any) -> list[Any]:
    if isinstance(it, _core.SetResponse):
        return ["Set", it.result, NULL_DATA]
    service = "Get" if isinstance(it, _core.GetResponse) else "Action"
    return [service, it.result, NULL_DATA if it.data is None else data.decode(it.data)]


def _encode_response(it: dict[str, Any]) -> bytes:
    asked = it["asked"]
    return _core.AccessResponse(
        [_out_answer(item) for item in it["items"]],
        request_items=None if asked is None else [_out([*item, NULL_DATA]) for item in asked],
        date_time=bytes.fromhex(it["time"]),
        long_invoke_id_and_priority=it["invoke"],
    ).encode()


def _decode_response(octets: Any) -> dict[str, Any]:
    it: Any = _core.decode_apdu(octets, "server")
    asked = it.request_items
    return {
        "invoke": it.long_invoke_id_and_priority,
        "time": it.date_time.hex(),
        "items": [_in_answer(item) for item in it.items],
        "asked": None if asked is None else [_in(item)[:3] for item in asked],
    }


KINDS = (
    Kind("access-request", _request, _encode, _decode),
    Kind("access-response", _response, _encode_response, _decode_response),
)
