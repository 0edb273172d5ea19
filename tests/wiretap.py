"""A line to a meter that looks at what passes: APDUs both ways, opened where they are ciphered.

It sits between a client and a simulated meter on TCP with the wrapper. It knows the keys, notes every
invocation counter that is used and every image block that is sent and acknowledged, and calls its owner at
each APDU, who may end a process or the connection there. The cipher is opened without the library's help.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from simulator import CLIENT_TITLE, METER_TITLE, UNICAST_KEY

_HEADER = struct.Struct(">HHHH")
_IMAGE_TRANSFER = bytes((0, 18, 0, 0, 44, 0, 0, 255))
_ASSOCIATION = bytes((0, 15, 0, 0, 40, 0, 0, 255))
_ACTION_REQUEST, _ACTION_RESPONSE = 0xC3, 0xC7
_GENERAL_GLO = 0xDB
_GLO = {0x21: 0x01, 0x28: 0x08, **{tag: tag - 8 for tag in range(0xC8, 0xD0)}}
"""Tags of service-specific global ciphering, and the plain tags inside."""


class Way(Enum):
    """Which way an APDU goes."""

    TO_METER = "to the meter"
    TO_CLIENT = "to the client"


class Cut(Exception):
    """Raised by the owner: this connection ends here, and the APDU does not arrive."""


@dataclass
class Notes:
    """What has passed, over all connections."""

    counters: dict[bytes, Counter[int]] = field(default_factory=dict)
    """How often each invocation counter was used, by the system title that used it."""
    blocks: Counter[int] = field(default_factory=Counter)
    """How often each image block was sent."""
    acknowledged: set[int] = field(default_factory=set)
    """Blocks whose acknowledgement has reached the client."""
    sent_after_acknowledgement: list[int] = field(default_factory=list)
    activations: int = 0
    initiations: int = 0
    connections: int = 0
    passed: int = 0
    """APDUs, both ways."""

    @property
    def repeated_counters(self) -> dict[str, list[int]]:
        """Counters used more than once, which must never be."""
        return {
            title.hex(): repeated
            for title, used in self.counters.items()
            if (repeated := [counter for counter, times in used.items() if times > 1])
        }


class Wiretap:
    """``with Wiretap(meter.url) as line:`` a client that connects to ``line.url`` reaches the meter.

    Args:
        on_apdu: Called with the number of the APDU, its way and its plain octets, before it is handed on.
    """

    def __init__(self, url: str, on_apdu: Callable[[int, Way, bytes], None] | None = None) -> None:
        host, port = url.removeprefix("tcp://").rsplit(":", 1)
        self._meter = (host, int(port))
        self._on_apdu = on_apdu
        self._lock = threading.RLock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = False
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self.notes = Notes()
        self.faults: list[BaseException] = []
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        for thread in (self._acceptor, *self._threads):
            thread.join(10)
        self._listener.close()
        if error is None:
            assert not self.faults, self.faults

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.notes.connections += 1
            thread = threading.Thread(target=self._carry, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket) -> None:
        with client:
            try:
                meter = socket.create_connection(self._meter, timeout=10)
            except OSError:
                return
            with meter:
                for end in (client, meter):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with contextlib.suppress(OSError, Cut):
                    try:
                        self._pass_on(client, meter)
                    except (OSError, Cut):
                        raise
                    except BaseException as fault:  # noqa: BLE001 - told at the end
                        self.faults.append(fault)

    def _pass_on(self, client: socket.socket, meter: socket.socket) -> None:
        conversation = _Conversation(self.notes)
        buffers = {client: bytearray(), meter: bytearray()}
        while not self._ended:
            ready, _, _ = select.select([client, meter], [], [], 0.1)
            for end in ready:
                data = end.recv(65_536)
                if not data:
                    return
                buffer = buffers[end]
                buffer += data
                way = Way.TO_METER if end is client else Way.TO_CLIENT
                while len(buffer) >= 8 and len(buffer) >= 8 + (length := _HEADER.unpack_from(buffer)[3]):
                    whole = bytes(buffer[: 8 + length])
                    del buffer[: 8 + length]
                    with self._lock:
                        number = self.notes.passed
                        self.notes.passed += 1
                        plain = conversation.hear(way, whole[8:])
                        if self._on_apdu is not None:
                            self._on_apdu(number, way, plain)
                        (meter if end is client else client).sendall(whole)
                        conversation.arrived(way, plain)


def is_block(way: Way, apdu: bytes, number: int) -> bool:
    """Whether it is the image_block_transfer with this number."""
    return (
        way is Way.TO_METER
        and apdu[:2] == b"\xc3\x01"
        and apdu[3:12] == bytes((0, 18, 0, 0, 44, 0, 0, 255, 2))
        and int.from_bytes(apdu[16:20], "big") == number
    )


def is_activation(way: Way, apdu: bytes) -> bool:
    """Whether it is image_activate."""
    return (
        way is Way.TO_METER
        and apdu[:2] == b"\xc3\x01"
        and apdu[3:12] == bytes((0, 18, 0, 0, 44, 0, 0, 255, 4))
    )


class _Conversation:
    """One connection: who has asked what."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._asked: dict[int, int] = {}  # blocks on their way, by invoke id

    def hear(self, way: Way, apdu: bytes) -> bytes:
        """Notes what an APDU holds; gives it without its cipher."""
        title = CLIENT_TITLE if way is Way.TO_METER else METER_TITLE
        plain = self._opened(title, apdu)
        if plain[0] == _ACTION_REQUEST and plain[1] == 1:
            target, method, data = plain[3:11], plain[11], plain[13:]
            if target == _IMAGE_TRANSFER:
                self._image_transfer(plain[2] & 0x0F, method, data)
            elif target == _ASSOCIATION:
                self._use(title, data[3:7])  # octet-string, length, security control, counter of pass 3
        elif (
            plain[0] == _ACTION_RESPONSE
            and len(plain) > 20
            and plain[1] == 1
            and plain[4:7] == b"\x01\x00\x09"
        ):
            self._use(title, plain[9:13])  # pass 4
        return plain

    def arrived(self, way: Way, plain: bytes) -> None:
        """An APDU was handed on."""
        if way is Way.TO_CLIENT and plain[0] == _ACTION_RESPONSE and plain[2] & 0x0F in self._asked:
            block = self._asked.pop(plain[2] & 0x0F)
            if plain[3] == 0:
                self._notes.acknowledged.add(block)

    def _image_transfer(self, invoke_id: int, method: int, data: bytes) -> None:
        notes = self._notes
        if method == 1:
            notes.initiations += 1
            notes.acknowledged.clear()
        elif method == 2:
            block = int.from_bytes(data[3:7], "big")
            notes.blocks[block] += 1
            if block in notes.acknowledged:
                notes.sent_after_acknowledgement.append(block)
            self._asked[invoke_id] = block
        elif method == 4:
            notes.activations += 1

    def _opened(self, title: bytes, apdu: bytes) -> bytes:
        tag = apdu[0]
        if 0x60 <= tag <= 0x63:
            self._association(title, apdu)
            return apdu
        if tag == _GENERAL_GLO:
            assert apdu[1] == 8
            assert apdu[2:10] == title
            _, body = _length(apdu, 10)
            return self._decipher(title, apdu[body:])
        if tag in _GLO:
            _, body = _length(apdu, 1)
            return self._decipher(title, apdu[body:])
        return apdu

    def _association(self, title: bytes, apdu: bytes) -> None:
        """The initiate request or response in AARQ, AARE, RLRQ or RLRE, where it is ciphered."""
        _, offset = _length(apdu, 1)
        while offset < len(apdu):
            length, value = _length(apdu, offset + 1)
            if apdu[offset] == 0xBE:
                _, octets = _length(apdu, value + 1)
                if apdu[octets] in _GLO:
                    _, body = _length(apdu, octets + 1)
                    self._use(title, apdu[body + 1 : body + 5])
            offset = value + length

    def _decipher(self, title: bytes, body: bytes) -> bytes:
        assert body[0] & 0x30 == 0x30, "everything is authenticated and encrypted here"
        counter = body[1:5]
        self._use(title, counter)
        opened = Cipher(AES(UNICAST_KEY), CTR(title + counter + b"\x00\x00\x00\x02")).decryptor()
        return opened.update(body[5:-12])

    def _use(self, title: bytes, counter: bytes) -> None:
        self._notes.counters.setdefault(title, Counter())[int.from_bytes(counter, "big")] += 1


def _length(data: bytes, offset: int) -> tuple[int, int]:
    """An A-XDR or BER length, and where it ends."""
    first = data[offset]
    if first < 0x80:
        return first, offset + 1
    size = first & 0x7F
    return int.from_bytes(data[offset + 1 : offset + 1 + size], "big"), offset + 1 + size
