"""A connection over a link that is slow and bad: a client is heard when the link says so."""

from __future__ import annotations

from dlms_fw.meter.connection import Framing
from dlms_fw.meter.listeners.base import Host
from dlms_fw.meter.listeners.tcp import TcpLine
from dlms_fw.transports.faults import End, LinkOnLoop, ShapedLink


class ShapedTcpLine(TcpLine):
    """One client's connection, with a link between its socket and the meter."""

    def __init__(self, host: Host, framing: Framing, link: ShapedLink) -> None:
        super().__init__(host, framing)
        self._link = LinkOnLoop(link, self._arrived, self.abort)

    def follow_sink(self, connection: object) -> None:
        """Image blocks do not go past the link either."""

    def _come(self, nbytes: int) -> None:
        """The client hands octets to the link."""
        self._link.send(End.CLIENT, bytes(self._buffer[:nbytes]))

    def write(self, data: bytes) -> None:
        """The meter hands octets to the link."""
        self._link.send(End.METER, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over, and so is its link."""
        self._link.close()
        super().connection_lost(exc)

    def _arrived(self, end: End, data: bytes) -> None:
        if end is End.METER:
            self.data_received(data)
        else:
            super().write(data)
