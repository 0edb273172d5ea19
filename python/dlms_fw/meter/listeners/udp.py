"""A meter on UDP: whoever sends from one address and port is one client, until it is silent for too long.

There is no connection that an attacker would have to set up, so newcomers may push out the one that has been
silent longest without an association, and never an association. What comes to a group is taken and never
answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.meter.listeners.base import Host, Line, longest_silent
from dlms_fw.transports.udp import datagrams, group_member, is_whole


class UdpListener(asyncio.DatagramProtocol):
    """A bound socket, and one for each group that the meter is a member of."""

    def __init__(self, host: Host, endpoint: Endpoint, *, answers: bool = True) -> None:
        self.endpoint = endpoint
        self._host = host
        self._answers = answers
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[object, UdpLine] = {}
        self._groups: list[UdpListener] = []

    @classmethod
    async def open(cls, host: Host, endpoint: Endpoint, groups: Sequence[str] = ()) -> UdpListener:
        """Listen, and join groups, see :func:`parse_group`. Raises TransportError, ConfigurationError."""
        loop = asyncio.get_running_loop()
        listener = cls(host, endpoint)
        try:
            await loop.create_datagram_endpoint(lambda: listener, local_addr=(endpoint.host, endpoint.port))
        except OSError as error:
            raise TransportError(f"cannot listen on {endpoint}: {error.strerror or error}") from None
        try:
            for group in groups:
                address, port, interface = parse_group(group, listener.endpoint.port)
                member = group_member(address, port, interface=interface)
                silent = cls(host, replace(listener.endpoint, host=address, port=port), answers=False)
                await loop.create_datagram_endpoint(lambda silent=silent: silent, sock=member)  # type: ignore[misc]
                listener._groups.append(silent)
        except BaseException:
            await listener.close()
            raise
        return listener

    async def close(self) -> None:
        """Take nothing more."""
        for group in self._groups:
            await group.close()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        # That of the loop has its methods, but does not say so by its class.
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.endpoint = replace(self.endpoint, port=transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """A message has come: the meter answers at once."""
        if not is_whole(data):
            return
        client = self._clients.get(addr)
        if client is None:
            client = self._newcomer(addr)
            if client is None:
                return
        answer = client.take(data)
        if not client.is_open:
            client.abort()
        elif answer and self._answers and self._transport is not None:
            with contextlib.suppress(TransportError):  # what fits no datagram is lost like one
                for datagram in datagrams(answer):
                    self._transport.sendto(datagram, addr)

    def error_received(self, exc: Exception) -> None:
        """A client is gone; its line ends when it has been silent for long enough."""

    def _newcomer(self, address: object) -> UdpLine | None:
        client = UdpLine(self._host, self._clients, address)
        if not client.open():
            oldest = longest_silent(self._clients.values())
            if oldest is None:
                return None
            oldest.abort()
            if not client.open():
                return None
        self._clients[address] = client
        return client


def parse_group(group: str, port: int) -> tuple[str, int, str | None]:
    """The address, the port and the network interface of a group.

    It is written as ``ADDRESS`` or ``ADDRESS%INTERFACE``, and either with ``:PORT``; an IPv6 address that
    has one stands in brackets.

    Args:
        group: What was written.
        port: The port where none was.

    Raises:
        ConfigurationError: it is not of that form.
    """
    try:
        bare = group.count(":") > 1 and not group.startswith("[")
        parts = urlsplit(f"//[{group}]" if bare else f"//{group}")
        address, _, interface = (parts.hostname or "").partition("%")
        return address, parts.port or port, interface or None
    except ValueError:
        raise ConfigurationError(
            f"{group} is no group",
            code="configuration.address",
            hint="write ADDRESS or ADDRESS%INTERFACE:PORT",
        ) from None


class UdpLine(Line):
    """One client, by its address and port."""

    def __init__(self, host: Host, clients: dict[object, UdpLine], address: object) -> None:
        super().__init__(host, "datagrams")
        self._clients = clients
        self._address = address

    def lost(self) -> None:
        """The client is gone."""
        self._clients.pop(self._address, None)
        super().lost()
