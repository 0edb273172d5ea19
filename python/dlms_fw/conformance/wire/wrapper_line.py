"""The client's end of the wrapper, written by hand: eight octets in front of each APDU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dlms_fw.conformance.verdicts import expect
from dlms_fw.conformance.wire.connection import Connection

HEADER: Final = 8
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in front of an APDU."""

    version: int
    source: int
    destination: int
    length: int

    def encode(self) -> bytes:
        """Its eight octets."""
        return b"".join(
            value.to_bytes(2, "big") for value in (self.version, self.source, self.destination, self.length)
        )

    @classmethod
    def decode(cls, octets: bytes) -> Header:
        """From the first eight octets."""
        return cls(*(int.from_bytes(octets[at : at + 2], "big") for at in range(0, HEADER, 2)))


class WrapperLine:
    """One client port talking to one server port; the headers of answers are held against the rules."""

    def __init__(self, connection: Connection, client_sap: int, server_sap: int) -> None:
        self.connection = connection
        self.client_sap = client_sap
        self.server_sap = server_sap
        self._inbox = b""

    def connect(self) -> None:
        """There is no link to bring up."""

    def framed(self, apdu: bytes, *, version: int = VERSION, length: int | None = None) -> bytes:
        """An APDU with its header, which may be given wrong values."""
        size = len(apdu) if length is None else length
        return Header(version, self.client_sap, self.server_sap, size).encode() + apdu

    def say(self, apdu: bytes) -> None:
        """Send an APDU."""
        self.connection.send(self.framed(apdu))

    def hear(self, seconds: float | None = None) -> bytes | None:
        """The next APDU, or ``None`` where none comes. Raises Failed where its header is wrong."""
        if not self._fill(HEADER, seconds):
            return None
        header = Header.decode(self._inbox)
        expect(header.version == VERSION, "version 1 in the header", header.version)
        ports = (header.source, header.destination)
        expect(
            ports == (self.server_sap, self.client_sap),
            f"an answer from port {self.server_sap} to port {self.client_sap}",
            f"from {ports[0]} to {ports[1]}",
        )
        if not self._fill(HEADER + header.length, seconds):
            return None
        apdu = self._inbox[HEADER : HEADER + header.length]
        self._inbox = self._inbox[HEADER + header.length :]
        return apdu

    def request(self, apdu: bytes) -> bytes | None:
        """Send an APDU and give the answer."""
        self.say(apdu)
        return self.hear()

    @property
    def rest(self) -> bytes:
        """What has come behind the last whole message."""
        return self._inbox

    def _fill(self, needed: int, seconds: float | None) -> bool:
        while len(self._inbox) < needed:
            octets = self.connection.receive(seconds)
            if not octets:
                return False
            self._inbox += octets
        return True
