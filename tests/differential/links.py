"""Frames: the wrapper, and HDLC from client to server and back. Generators, and what `dlms_fw` makes of them.

An exchange over HDLC is the list of the frames of one side: SNRM or UA, the I frames of one APDU, and, from
the client, DISC. ``server`` is its upper and lower address, the lower one null where there is none.
"""

from __future__ import annotations

from typing import Any

from differential import services
from differential.kinds import Kind, Source
from dlms_fw import _core

Exchange = dict[str, Any]
_REQUESTS = tuple(it for it in services.KINDS if it.name in ("get-request", "set-request", "action-request"))


def _apdu(source: Source, kinds: tuple[Kind, ...]) -> str:
    kind = source.choice(kinds)
    octets = kind.encode(kind.generate(source))
    assert isinstance(octets, bytes)
    return octets.hex()


def _wrapped(source: Source) -> Exchange:
    ports = {"client": source.randint(1, 0xFFFF), "server": source.randint(1, 0xFFFF)}
    return ports | {"apdu": _apdu(source, _REQUESTS)}


def _encode_wrapped(value: Exchange) -> bytes:
    channel = _core.Channel("client", _core.WrapperFraming(value["client"], value["server"]))
    return channel.send(_core.decode_apdu(bytes.fromhex(value["apdu"]), "client"))


def _decode_wrapped(octets: Any) -> Exchange:
    client, server = int.from_bytes(octets[2:4], "big"), int.from_bytes(octets[4:6], "big")
    channel = _core.Channel("server", _core.WrapperFraming(client, server))
    (apdu,) = _received(channel, octets)
    return {"client": client, "server": server, "apdu": apdu.encode().hex()}


def _received(channel: _core.Channel, octets: bytes) -> list[Any]:
    """The events of a server's channel, whoever the client is."""
    events: list[Any] = channel.receive(octets)[0]
    if events and isinstance(events[-1], _core.PeerChanged):
        channel.reset_association()
        events = events[:-1] + _received(channel, b"")
    return events


def _addresses(source: Source) -> Exchange:
    # 127 is all stations, which a client of ours does not speak to.
    server = source.choice(([source.randint(1, 126), None], [source.randint(1, 126), source.randint(1, 126)]))
    return {"client": source.randint(1, 127), "server": server}


def _requested(source: Source) -> Exchange:
    return _addresses(source) | {"apdu": _apdu(source, _REQUESTS)}


class _Line:
    """A client and a server of ours, and what each has put on the line."""

    def __init__(self, client: int, server: list[int | None], size: int | None = None) -> None:
        upper, lower = server
        framing = _core.HdlcFraming(client, upper or 0, lower, address_size=size)
        self.client = _core.Channel("client", framing)
        self.server = _core.Channel("server", framing)
        self.said: dict[str, list[bytes]] = {"client": [], "server": []}
        self.events: list[Any] = []

    def carry(self, octets: bytes, to_server: bool = True) -> None:
        """To the other side, and its answers back, until nobody has anything to say."""
        while octets:
            self.said["client" if to_server else "server"].append(octets)
            events, octets = (self.server if to_server else self.client).receive(octets)
            self.events += events
            to_server = not to_server


def _encode_client(value: Exchange) -> list[bytes]:
    line = _Line(value["client"], value["server"])
    line.carry(line.client.connect())
    line.carry(line.client.send(_core.decode_apdu(bytes.fromhex(value["apdu"]), "client")))
    line.said["client"].append(line.client.disconnect())
    return line.said["client"]


def _decode_client(frames: Any) -> Exchange:
    start = next(at for at in range(3, len(frames[0])) if frames[0][at] & 1)
    address = [octet >> 1 for octet in frames[0][3 : start + 1]]
    server = [address[0], address[1] if len(address) > 1 else None]
    client = frames[0][start + 1] >> 1
    line = _Line(client, server, len(address))
    for frame in frames:
        line.events += _received(line.server, frame)
    connected, apdu, disconnected = line.events
    assert isinstance(connected, _core.LinkConnected)
    assert isinstance(disconnected, _core.LinkDisconnected)
    return {"client": client, "server": server, "apdu": apdu.encode().hex()}


KINDS = (
    Kind("wrapper", _wrapped, _encode_wrapped, _decode_wrapped),
    # What SNRM proposes, and how an APDU is cut, is everybody's own choice.
    Kind("hdlc-client", _requested, _encode_client, _decode_client, unique=False),
)
