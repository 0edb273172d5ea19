"""A transport whose other end is a list: what a protocol has left to it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any


class Outlet(asyncio.WriteTransport):
    """Notes what it is given, and says that it keeps what the test wants."""

    def __init__(self, connection: socket.socket | None = None, **facts: object) -> None:
        super().__init__({"socket": connection, **facts})
        self.given: list[bytes] = []
        self.kept = 0

    def write(self, data: Any) -> None:
        self.given.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.kept
