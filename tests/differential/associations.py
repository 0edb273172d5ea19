"""Initiate, AARQ, AARE, RLRQ and RLRE, plain: generators, and what `dlms_fw` makes of them.

``initiate`` is null or the dict of an InitiateRequest or InitiateResponse; ``conformance`` is the number of
24 bits whose highest is bit 0 of the standard; what is absent is null.
"""

from __future__ import annotations

from typing import Any

from differential.kinds import Kind, Source
from dlms_fw import _core

Apdu = dict[str, Any]
LOW_LEVEL = 1
WITH_TITLES = (5, 6, 7)

# --- Generators ---------------------------------------------------------------------------------------------


def _conformance(source: Source) -> int:
    return (
        source.choice((0x60_FE1F, 0x00_7E1F, source.getrandbits(24), source.getrandbits(24)))
        & source.words.conformance
    )


def _size(source: Source) -> int:
    return source.choice((0, 0xFFFF, 1_024, source.randint(12, 0xFFFE)))


def _initiate_request(source: Source) -> Apdu:
    key = source.randbytes(16).hex() if source.random() < 0.2 else None
    return {
        "conformance": _conformance(source),
        "size": _size(source),
        "dedicated_key": key,
        "response_allowed": source.random() < 0.9,
    }


def _initiate_response(source: Source, names: bool = False) -> Apdu:
    vaa_name = 0xFA00 if names else 7
    return {"conformance": _conformance(source), "size": _size(source), "vaa_name": vaa_name}


def _security(source: Source) -> Apdu:
    """Context, mechanism, challenge or password, and the title that goes with them."""
    mechanism = source.choice((None, *source.words.mechanisms))
    value = None
    if mechanism == LOW_LEVEL:
        value = (
            "".join(chr(source.randint(33, 126)) for _ in range(source.choice((0, 1, 8, 16)))).encode().hex()
        )
    elif mechanism is not None:
        value = source.randbytes(source.choice((8, 16, 32, 64))).hex()
    context = source.choice(source.words.contexts)
    title = source.randbytes(8).hex() if mechanism in WITH_TITLES else None
    return {"context": context, "mechanism": mechanism, "value": value, "title": title}


def _aarq(source: Source) -> Apdu:
    user = source.randint(0, 127) if source.random() < 0.1 else None
    initiate = _initiate_request(source)
    # A dedicated key never travels in the clear.
    return _security(source) | {"user": user, "initiate": initiate | {"dedicated_key": None}}


def _aare(source: Source) -> Apdu:
    it = _security(source)
    if it["mechanism"] == LOW_LEVEL:
        it |= {"mechanism": None, "value": None}
    result = source.choice((0, 0, 1, 2))
    by, diagnostics = source.choice(((1, 15), (2, 3))) if result else (1, 1)
    diagnostic = source.randrange(diagnostics)
    if it["mechanism"] and not result:
        diagnostic = 14
    initiate = None if result else _initiate_response(source, it["context"] == 2)
    return it | {"result": result, "source": by, "diagnostic": diagnostic, "initiate": initiate}


def _rlrq(source: Source) -> Apdu:
    initiate = _initiate_request(source) | {"dedicated_key": None} if source.random() < 0.3 else None
    return {"reason": source.choice((None, 0, 1, 30)), "initiate": initiate}


def _rlre(source: Source) -> Apdu:
    initiate = _initiate_response(source) if source.random() < 0.3 else None
    return {"reason": source.choice((None, 0, 1, 30)), "initiate": initiate}


# --- To and from dlms_fw ------------------------------------------------------------------------------------


def _octets(it: str | None) -> bytes | None:
    return None if it is None else bytes.fromhex(it)


def _hex(it: bytes | None) -> str | None:
    return None if it is None else it.hex()


def encode_initiate_request(it: Apdu) -> bytes:
    return _core.InitiateRequest(
        it["conformance"],
        it["size"],
        dedicated_key=_octets(it["dedicated_key"]),
        response_allowed=it["response_allowed"],
    ).encode()


def decode_initiate_request(octets: Any) -> Apdu:
    it = _core.InitiateRequest.decode(octets)
    assert it.dlms_version_number == 6
    return {
        "conformance": it.conformance,
        "size": it.client_max_receive_pdu_size,
        "dedicated_key": _hex(it.dedicated_key),
        "response_allowed": it.response_allowed,
    }


def encode_initiate_response(it: Apdu) -> bytes:
    return _core.InitiateResponse(it["conformance"], it["size"], vaa_name=it["vaa_name"]).encode()


def decode_initiate_response(octets: Any) -> Apdu:
    it = _core.InitiateResponse.decode(octets)
    assert it.dlms_version_number == 6
    return {"conformance": it.conformance, "size": it.server_max_receive_pdu_size, "vaa_name": it.vaa_name}


def _maybe(function: Any, it: Any) -> Any:
    return None if it is None else function(it)


def _encode_aarq(it: Apdu) -> bytes:
    return _core.AssociationRequest(
        it["context"],
        _maybe(encode_initiate_request, it["initiate"]),
        mechanism=it["mechanism"],
        authentication_value=_octets(it["value"]),
        calling_ap_title=_octets(it["title"]),
        client_user_id=it["user"],
    ).encode()


def _decode_aarq(octets: Any) -> Apdu:
    it = _core.AssociationRequest.decode(octets)
    assert it.protocol_version is None
    return {
        "context": it.application_context,
        "mechanism": it.mechanism,
        "value": _hex(it.authentication_value),
        "title": _hex(it.calling_ap_title),
        "user": it.client_user_id,
        "initiate": _maybe(decode_initiate_request, it.user_information),
    }


def _encode_aare(it: Apdu) -> bytes:
    return _core.AssociationResponse(
        it["context"],
        it["result"],
        it["diagnostic"],
        _maybe(encode_initiate_response, it["initiate"]),
        diagnostic_source=it["source"],
        mechanism=it["mechanism"],
        authentication_value=_octets(it["value"]),
        responding_ap_title=_octets(it["title"]),
    ).encode()


def _decode_aare(octets: Any) -> Apdu:
    it = _core.AssociationResponse.decode(octets)
    return {
        "context": it.application_context,
        "mechanism": it.mechanism,
        "value": _hex(it.authentication_value),
        "title": _hex(it.responding_ap_title),
        "result": it.result,
        "source": it.diagnostic_source,
        "diagnostic": it.diagnostic,
        "initiate": _maybe(decode_initiate_response, it.user_information),
    }


def _encode_release(which: Any, initiate: Any, it: Apdu) -> bytes:
    octets: bytes = which(it["reason"], _maybe(initiate, it["initiate"])).encode()
    return octets


def _decode_release(which: Any, initiate: Any, octets: Any) -> Apdu:
    it = which.decode(octets)
    return {"reason": it.reason, "initiate": _maybe(initiate, it.user_information)}


KINDS = (
    Kind("initiate-request", _initiate_request, encode_initiate_request, decode_initiate_request),
    Kind("initiate-response", _initiate_response, encode_initiate_response, decode_initiate_response),
    Kind("aarq", _aarq, _encode_aarq, _decode_aarq),
    Kind("aare", _aare, _encode_aare, _decode_aare),
    Kind(
        "rlrq",
        _rlrq,
        lambda it: _encode_release(_core.ReleaseRequest, encode_initiate_request, it),
        lambda it: _decode_release(_core.ReleaseRequest, decode_initiate_request, it),
    ),
    Kind(
        "rlre",
        _rlre,
        lambda it: _encode_release(_core.ReleaseResponse, encode_initiate_response, it),
        lambda it: _decode_release(_core.ReleaseResponse, decode_initiate_response, it),
    ),
)
