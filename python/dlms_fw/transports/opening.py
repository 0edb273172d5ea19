"""The medium for an address: which class opens it, blocking and asyncio side by side."""

from __future__ import annotations

from dataclasses import dataclass

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.transports.base import AsyncTransport, Transport
from dlms_fw.transports.serial import AsyncSerialTransport, SerialTransport
from dlms_fw.transports.tcp import AsyncTcpTransport, TcpTransport
from dlms_fw.transports.udp import AsyncUdpTransport, UdpTransport, is_group


def open_medium(endpoint: Endpoint, deadline: float) -> Transport:
    """Open what an address names. Raises TransportError, ResponseTimeout, ConfigurationError, Busy."""
    if endpoint.scheme == "udp":
        _check_no_group(endpoint)
        return UdpTransport.open(endpoint.host, endpoint.port, deadline)
    if endpoint.scheme == "serial":
        return SerialTransport.open(endpoint.device, endpoint.serial, deadline)
    return TcpTransport.open(endpoint.host, endpoint.port, deadline)


async def open_async_medium(endpoint: Endpoint, deadline: float) -> AsyncTransport:
    """As :func:`open_medium`, for asyncio."""
    if endpoint.scheme == "udp":
        _check_no_group(endpoint)
        return await AsyncUdpTransport.open(endpoint.host, endpoint.port, deadline)
    if endpoint.scheme == "serial":
        return await AsyncSerialTransport.open(endpoint.device, endpoint.serial, deadline)
    return await AsyncTcpTransport.open(endpoint.host, endpoint.port, deadline)


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens the medium of one address, each time that it is called."""

    endpoint: Endpoint

    def __call__(self, deadline: float) -> Transport:
        """Open it; raises as :func:`open_medium`."""
        return open_medium(self.endpoint, deadline)


@dataclass(frozen=True, slots=True)
class AsyncOpener:
    """As :class:`Opener`, for asyncio."""

    endpoint: Endpoint

    async def __call__(self, deadline: float) -> AsyncTransport:
        """Open it; raises as :func:`open_medium`."""
        return await open_async_medium(self.endpoint, deadline)


def _check_no_group(endpoint: Endpoint) -> None:
    if is_group(endpoint.host):
        raise ConfigurationError(
            f"{endpoint.host} is a group, and a client talks to one meter",
            code="configuration.address",
            hint="UdpGroupTransport sends to groups",
        )
