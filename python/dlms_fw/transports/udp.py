"""UDP: one wrapper message in each datagram, to one meter or, sending only, to a group.

A socket to one meter is connected, so the kernel refuses what comes from elsewhere. Datagrams are lost,
doubled and overtaken; what is lost is repeated by the channel, what is doubled or late is told by invoke ids
and counters. A datagram that is not made of whole wrapper messages is dropped here, as it would put
the reader of a stream out of step.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import select
import socket
import struct
from collections import deque
from typing import cast

from dlms_fw._core import wrapper_message_lengths
from dlms_fw.errors import LinkError, TransportError
from dlms_fw.transports.base import closed_by_peer, no_answer, transport_error
from dlms_fw.transports.waiting import BUFFER_LIMIT, CHUNK, Waiter, remaining, wait

LONGEST_DATAGRAM = 65_507
"""Octets that fit one datagram over IPv4, the wrapper's header among them."""


def datagrams(data: bytes) -> list[bytes]:
    """The datagrams for what a channel has given: one for each wrapper message.

    Raises:
        TransportError: a message is longer than a datagram.
    """
    lengths = wrapper_message_lengths(data)
    if any(length > LONGEST_DATAGRAM for length in lengths):
        raise TransportError(
            f"a message of {max(lengths)} octets fits no datagram, which has at most {LONGEST_DATAGRAM}",
            code="transport.too-long",
            hint="propose a smaller max_pdu_size",
        )
    if len(lengths) == 1:
        return [data]
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    return [data[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def is_whole(datagram: bytes) -> bool:
    """Whether a datagram is made of whole wrapper messages, and of at least one."""
    try:
        return bool(wrapper_message_lengths(datagram))
    except LinkError:
        return False


class UdpTransport:
    """A connected socket for the blocking driver; made by :meth:`open`.

    Attributes:
        dropped: Datagrams that were no whole messages.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(connection, select.POLLIN)
        self._writable.register(connection, select.POLLOUT)
        connection.settimeout(0)
        self.dropped = 0

    @classmethod
    def open(cls, host: str, port: int, deadline: float) -> UdpTransport:
        """Look ``host`` up; nothing is sent. Raises TransportError, ResponseTimeout."""
        doing = f"opening a socket to {host} port {port}"
        try:
            remaining(deadline, doing)
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            connection = socket.socket(family, socket.SOCK_DGRAM)
            try:
                connection.connect(address)
                return cls(connection)
            except BaseException:
                connection.close()
                raise
        except TransportError:
            raise
        except OSError as error:
            raise transport_error(error, doing) from error

    def send(self, data: bytes, deadline: float) -> None:
        """One datagram for each message in ``data``. Raises TransportError, ResponseTimeout."""
        try:
            remaining(deadline, "sending")
            for datagram in datagrams(data):
                while not self._send(datagram):
                    wait(self._writable, deadline, "sending")
        except TransportError:
            raise
        except OSError as error:
            raise transport_error(error, "sending") from error

    def receive(self, deadline: float) -> bytes:
        """The next datagram. Raises TransportError (also where nobody listens there), ResponseTimeout."""
        try:
            while True:
                wait(self._readable, deadline, "receiving")
                try:
                    data = self._socket.recv(CHUNK)
                except BlockingIOError:  # its checksum was wrong
                    continue
                if is_whole(data):
                    return data
                self.dropped += 1
        except TransportError:
            raise
        except OSError as error:
            raise transport_error(error, "receiving") from error

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _send(self, datagram: bytes) -> bool:
        try:
            self._socket.send(datagram)
        except BlockingIOError:
            return False
        return True


class AsyncUdpTransport(Waiter, asyncio.DatagramProtocol):
    """A connected socket for the asyncio driver; made by :meth:`open`.

    Attributes:
        dropped: Datagrams that were no whole messages, or came while too many lay unread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._transport: asyncio.DatagramTransport | None = None
        self._received: deque[bytes] = deque()
        self._unread = 0
        self.dropped = 0

    @classmethod
    async def open(cls, host: str, port: int, deadline: float) -> AsyncUdpTransport:
        """Look ``host`` up; nothing is sent. Raises TransportError, ResponseTimeout."""
        loop = asyncio.get_running_loop()
        doing = f"opening a socket to {host} port {port}"
        try:
            async with asyncio.timeout_at(deadline):
                _, protocol = await loop.create_datagram_endpoint(lambda: cls(loop), remote_addr=(host, port))
        except TimeoutError:
            raise no_answer(doing) from None
        except OSError as error:
            raise transport_error(error, doing) from error
        return protocol

    async def send(self, data: bytes, deadline: float) -> None:
        """One datagram for each message in ``data``. Raises TransportError, ResponseTimeout."""
        if self._error is not None:
            raise self._error
        for datagram in datagrams(data):
            if self._transport is None:
                raise closed_by_peer()
            self._transport.sendto(datagram)
            while not self._writable:
                await self._wait(deadline, "sending")

    async def receive(self, deadline: float) -> bytes:
        """The next datagram. Raises TransportError (also where nobody listens there), ResponseTimeout."""
        while not self._received:
            if self._error is not None:
                raise self._error
            await self._wait(deadline, "receiving")
        data = self._received.popleft()
        self._unread -= len(data)
        return data

    async def close(self) -> None:
        """Close the socket at once."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # Called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # That of the loop has its methods, but does not say so by its class.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 (the kernel looked)
        """Collect what is whole and wake the driver."""
        if not is_whole(data) or self._unread + len(data) > BUFFER_LIMIT:
            self.dropped += 1
            return
        self._received.append(data)
        self._unread += len(data)
        self._wake()

    def error_received(self, exc: Exception) -> None:
        """The kernel was told that a datagram could not be delivered."""
        self._fail(transport_error(exc, "sending") if isinstance(exc, OSError) else closed_by_peer())

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._transport = None
        self._fail(transport_error(exc, "connected") if isinstance(exc, OSError) else closed_by_peer())


# Groups


class UdpGroupTransport:
    """Sends to a multicast group, for the blocking driver; made by :meth:`open`. A group answers nothing."""

    def __init__(self, connection: socket.socket) -> None:
        self._udp = UdpTransport(connection)

    @classmethod
    def open(
        cls, group: str, port: int, *, interface: str | None = None, ttl: int = 1, loopback: bool = True
    ) -> UdpGroupTransport:
        """A socket to a group.

        Args:
            group: An IPv4 or IPv6 multicast address.
            port: Where the members listen.
            interface: Name of the network interface to send through, or for IPv4 its address; ``None``
                leaves it to the routes of the machine.
            ttl: How many routers may pass it on, plus one.
            loopback: Whether members on this machine get it too.

        Raises:
            TransportError: no such group or interface, or no route.
        """
        return cls(_group_sender(group, port, interface, ttl, loopback))

    def send(self, data: bytes, deadline: float) -> None:
        """One datagram for each message in ``data``. Raises TransportError, ResponseTimeout."""
        self._udp.send(data, deadline)

    def receive(self, deadline: float) -> bytes:  # noqa: ARG002 (nothing is waited for)
        """Nothing ever comes. Raises ResponseTimeout."""
        raise no_answer("listening to a group, which answers nothing")

    def close(self) -> None:
        """Close the socket."""
        self._udp.close()


class AsyncUdpGroupTransport:
    """Sends to a multicast group, for the asyncio driver; made by :meth:`open`. A group answers nothing."""

    def __init__(self, udp: AsyncUdpTransport) -> None:
        self._udp = udp

    @classmethod
    async def open(
        cls, group: str, port: int, *, interface: str | None = None, ttl: int = 1, loopback: bool = True
    ) -> AsyncUdpGroupTransport:
        """As :meth:`UdpGroupTransport.open`."""
        loop = asyncio.get_running_loop()
        connection = _group_sender(group, port, interface, ttl, loopback)
        connection.settimeout(0)
        _, udp = await loop.create_datagram_endpoint(lambda: AsyncUdpTransport(loop), sock=connection)
        return cls(udp)

    async def send(self, data: bytes, deadline: float) -> None:
        """One datagram for each message in ``data``. Raises TransportError, ResponseTimeout."""
        await self._udp.send(data, deadline)

    async def receive(self, deadline: float) -> bytes:  # noqa: ARG002 (nothing is waited for)
        """Nothing ever comes. Raises ResponseTimeout."""
        raise no_answer("listening to a group, which answers nothing")

    async def close(self) -> None:
        """Close the socket."""
        await self._udp.close()


def group_member(group: str, port: int, *, interface: str | None = None) -> socket.socket:
    """A socket that gets what is sent to a group, and only that; several members may share one machine.

    Raises:
        TransportError: no such group or interface.
    """
    doing = f"joining {group} port {port}"
    try:
        family, address = _group_address(group, port)
        member = socket.socket(family, socket.SOCK_DGRAM)
        try:
            member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            member.bind(address)
            _membership(member, group, interface, joining=True)
            member.settimeout(0)
        except BaseException:
            member.close()
            raise
    except OSError as error:
        raise transport_error(error, doing) from error
    return member


def leave_group(member: socket.socket, group: str, *, interface: str | None = None) -> None:
    """Give a membership up; closing the socket does too. Raises TransportError."""
    try:
        _membership(member, group, interface, joining=False)
    except OSError as error:
        raise transport_error(error, f"leaving {group}") from error


def is_group(host: str) -> bool:
    """Whether ``host`` is a multicast address; a name is none."""
    try:
        return ipaddress.ip_address(host).is_multicast
    except ValueError:
        return False


def _group_sender(group: str, port: int, interface: str | None, ttl: int, loopback: bool) -> socket.socket:
    doing = f"opening a socket to {group} port {port}"
    try:
        family, address = _group_address(group, port)
        sender = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
                sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, int(loopback))
                if interface is not None:
                    index = socket.if_nametoindex(interface)
                    sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            else:
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(loopback))
                if interface is not None:
                    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _ipv4_interface(interface))
            sender.connect(address)
        except BaseException:
            sender.close()
            raise
    except OSError as error:
        raise transport_error(error, doing) from error
    return sender


def _group_address(group: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    if not is_group(group):
        raise TransportError(f"{group} is not a multicast address", code="transport.group")
    is_ipv6 = ipaddress.ip_address(group).version == 6
    return (socket.AF_INET6 if is_ipv6 else socket.AF_INET), (group, port)


def _membership(member: socket.socket, group: str, interface: str | None, *, joining: bool) -> None:
    octets = ipaddress.ip_address(group).packed
    if member.family == socket.AF_INET6:
        option = socket.IPV6_JOIN_GROUP if joining else socket.IPV6_LEAVE_GROUP
        index = 0 if interface is None else socket.if_nametoindex(interface)
        member.setsockopt(socket.IPPROTO_IPV6, option, octets + struct.pack("@I", index))
    else:
        option = socket.IP_ADD_MEMBERSHIP if joining else socket.IP_DROP_MEMBERSHIP
        place = bytes(8) if interface is None else _ipv4_interface(interface)[4:]
        member.setsockopt(socket.IPPROTO_IP, option, octets + place)


def _ipv4_interface(interface: str) -> bytes:
    """The kernel's ``ip_mreqn`` for an interface, by its address or its name, with no group in it."""
    try:
        return bytes(4) + ipaddress.IPv4Address(interface).packed + bytes(4)
    except ValueError:
        return bytes(8) + struct.pack("@i", socket.if_nametoindex(interface))
