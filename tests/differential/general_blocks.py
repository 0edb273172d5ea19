"""Answers in general blocks: a generator, and what `dlms_fw` makes of them.

A value is ``{"apdu": ..., "window": ..., "size": ...}``: a GET response, how many blocks the client takes in
one go, and the PDU size that the response does not fit in. An exchange is the list of the blocks.
"""

from __future__ import annotations

from typing import Any

from differential import services
from differential.kinds import Kind, Source
from dlms_fw import _core
from dlms_fw.enums import Conformance

SERVICES = Conformance.GET | Conformance.GENERAL_BLOCK_TRANSFER
_TAG = 0xE0
_FRAMING = _core.WrapperFraming(1, 1)
_HEADER = 8


def _blocks(source: Source) -> dict[str, Any]:
    size = source.choice((64, 65, 127, 128, 140, 200, 512))
    contents = source.randbytes(source.randint(size, 12 * size))
    octets = _core.GetResponse(
        0, _core.Data(9, contents).encode(), invoke_id_and_priority=services.invoke(source)
    ).encode()
    return {"apdu": octets.hex(), "window": source.randint(1, 63), "size": size}


def _pair(window: int, size: int) -> tuple[_core.Channel, _core.Channel]:
    """A client and a server of ours, with that much negotiated."""
    client, server = (
        _core.Channel(role, _FRAMING, general_block_transfer="always", general_block_transfer_window=window)
        for role in ("client", "server")
    )
    client.negotiate(SERVICES, 0xFFFF)
    server.negotiate(SERVICES, size)
    return client, server


def _asked(client: _core.Channel, apdu: bytes) -> bytes:
    """The client's request for this response."""
    return client.send(_core.GetRequest(1, bytes(6), 2, invoke_id_and_priority=apdu[2] & 0xCF | 0x40))


def _messages(octets: bytes) -> list[bytes]:
    """The APDUs behind the headers of the wrapper."""
    found = []
    while octets:
        end = _HEADER + int.from_bytes(octets[6:8], "big")
        found.append(octets[_HEADER:end])
        octets = octets[end:]
    return found


def _encode(value: dict[str, Any]) -> list[bytes]:
    apdu = bytes.fromhex(value["apdu"])
    client, server = _pair(value["window"], value["size"])
    events, _ = server.receive(_asked(client, apdu))
    if isinstance(events[-1], _core.PeerChanged):
        server.reset_association()
        server.negotiate(SERVICES, value["size"])
        server.receive(b"")
    response = _core.decode_apdu(apdu, "server")
    blocks = []
    octets = server.send(response)
    while octets:
        blocks += [it for it in _messages(octets) if it[0] == _TAG]
        _, acknowledgement = client.receive(octets)
        octets = server.receive(acknowledgement)[1] if acknowledgement else b""
    return blocks


def _decode(blocks: Any) -> dict[str, Any]:
    client, _ = _pair(blocks[0][1] & 0x3F, 0)
    first = blocks[0]
    start = 7 if first[6] < 0x80 else 7 + (first[6] & 0x7F)
    _asked(client, first[start:])
    events: list[Any] = []
    for block in blocks:
        header = b"\x00\x01\x00\x01\x00\x01" + len(block).to_bytes(2, "big")
        events += client.receive(header + block)[0]
    (response,) = events
    return {
        "apdu": response.encode().hex(),
        "window": first[1] & 0x3F,
        "size": max(map(len, blocks)),
    }


# How an APDU is cut is everybody's own choice.
KINDS = (Kind("general-blocks", _blocks, _encode, _decode, unique=False, share=0.2),)
