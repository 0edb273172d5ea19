"""Read, Write and InformationReport by short names: generators, and what `dlms_fw` makes of them.

A variable is ``[short name, null]``, or ``[short name, [selector, parameter]]``; a result is
``[data-access-result, data]``.
"""

from __future__ import annotations

from typing import Any

from differential import data
from differential.kinds import Kind, Source
from differential.services import DATA_ACCESS_RESULTS, entry_selection, range_selection, several
from dlms_fw import _core

Apdu = dict[str, Any]


def _variable(source: Source) -> list[Any]:
    name = source.randrange(0, 0x2000) * 8
    if source.random() < 0.7:
        return [name, None]
    return [name, source.choice((entry_selection, range_selection))(source)]


def _read_request(source: Source) -> Apdu:
    return {"variables": [_variable(source) for _ in several(source)]}


def _result(source: Source) -> list[Any]:
    if source.random() < 0.2:
        return [source.choice(DATA_ACCESS_RESULTS), None]
    return [0, data.data(source, 1)]


def _read_response(source: Source) -> Apdu:
    return {"results": [_result(source) for _ in several(source)]}


def _write_request(source: Source) -> Apdu:
    it = _read_request(source)
    return it | {"data": [data.data(source, 1) for _ in it["variables"]]}


def _write_response(source: Source) -> Apdu:
    return {"results": [source.choice((0, *DATA_ACCESS_RESULTS)) for _ in several(source)]}


def _report(source: Source) -> Apdu:
    names = [[source.randrange(0, 0x2000) * 8, None] for _ in several(source)]
    return {"variables": names, "data": [data.data(source, 1) for _ in names]}


def _out(variable: list[Any]) -> Any:
    name, parameterised = variable
    return name if parameterised is None else (name, parameterised[0], data.encode(parameterised[1]))


def _in(variable: Any) -> list[Any]:
    if isinstance(variable, int):
        return [variable, None]
    name, selector, parameter = variable
    return [name, [selector, data.decode(parameter)]]


def _decode_read_request(octets: Any) -> Apdu:
    it: Any = _core.decode_apdu(octets, "client")
    return {"variables": [_in(variable) for variable in it.variables]}


def _encode_read_response(it: Apdu) -> bytes:
    return _core.ReadResponse([result or data.encode(value) for result, value in it["results"]]).encode()


def _decode_read_response(octets: Any) -> Apdu:
    it: Any = _core.decode_apdu(octets, "server")
    results = [[it, None] if isinstance(it, int) else [0, data.decode(it)] for it in it.results]
    return {"results": results}


def _with_values(which: Any, it: Apdu) -> bytes:
    octets: bytes = which(
        [_out(each) for each in it["variables"]], [data.encode(each) for each in it["data"]]
    ).encode()
    return octets


def _decode_with_values(sender: Any, octets: Any) -> Apdu:
    it: Any = _core.decode_apdu(octets, sender)
    variables = [_in(variable) for variable in it.variables]
    return {"variables": variables, "data": [data.decode(each) for each in it.data]}


def _decode_write_response(octets: Any) -> Apdu:
    it: Any = _core.decode_apdu(octets, "server")
    return {"results": list(it.results)}


KINDS = (
    Kind(
        "read-request",
        _read_request,
        lambda it: _core.ReadRequest([_out(variable) for variable in it["variables"]]).encode(),
        _decode_read_request,
    ),
    Kind("read-response", _read_response, _encode_read_response, _decode_read_response),
    Kind(
        "write-request",
        _write_request,
        lambda it: _with_values(_core.WriteRequest, it),
        lambda octets: _decode_with_values("client", octets),
    ),
    Kind(
        "write-response",
        _write_response,
        lambda it: _core.WriteResponse(it["results"]).encode(),
        _decode_write_response,
    ),
    Kind(
        "information-report",
        _report,
        lambda it: _with_values(_core.InformationReport, it),
        lambda octets: _decode_with_values("server", octets),
    ),
)
