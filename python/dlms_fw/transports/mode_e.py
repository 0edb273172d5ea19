r"""The sign-on of IEC 62056-21 mode E, both ends: octets in, things to do out. No port and no clock here.

The client says ``/?!`` at 300 baud and 7E1, the meter says who it is and how fast it can, the client chooses
HDLC at one of these rates, both go to that rate, the meter confirms there, still 7E1, and HDLC begins with
8N1. Some meters confirm at the old rate or not at all, so the confirmation is waited for but not needed.

Each machine is one table: what may come in which state, what is done about it, which state follows. Whoever
has a port carries the things out in their order and comes back with octets, or with silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal, TypeAlias

from dlms_fw.errors import ConfigurationError, TransportError

BAUD_RATES: Final = {
    "0": 300,
    "1": 600,
    "2": 1200,
    "3": 2400,
    "4": 4800,
    "5": 9600,
    "6": 19_200,
    "7": 38_400,
    "8": 57_600,
    "9": 115_200,
}
"""By the character that stands for them; those from 7 on are the manufacturers'."""
SIGN_ON_BAUD: Final = 300

_SILENCE_S: Final = 2.0
"""The standard gives an answer 1.5 seconds to begin, and as much between two of its characters."""
_CONFIRMATION_S: Final = 0.3
_REACTION_S: Final = {False: 0.2, True: 0.02}
"""By whether the third letter of the manufacturer is a small one."""
_LONGEST_LINE: Final = 256
_ACK: Final = 0x06
_NAK: Final = 0x15
_IDENTIFICATION: Final = re.compile(rb"/([A-Za-z]{3})([0-9])((?:\\[^/!])*)([^/!\r\n]{0,32})\r\n")
_OPTION_SELECT: Final = re.compile(rb"\x06([0-9])([0-9])([0-9])\r\n")
_SIGN_ON: Final = re.compile(rb"/\?([0-9A-Za-z ]{0,32})!\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The form of the characters on a serial line."""

    baud: int
    data_bits: int = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True)
class Send:
    """Send these octets, and go on when they have left."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Switch:
    """Set the port to this."""

    line: Line


@dataclass(frozen=True, slots=True)
class Pause:
    """Let some time pass; what comes meanwhile is kept."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Listen:
    """Give the next octets to ``receive``, or call ``handle_silence`` when none have come for that long.

    ``None`` waits for ever, which only a meter does.
    """

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Ready:
    """The sign-on is over: from here on HDLC, beginning with these octets."""

    octets: bytes = b""


Action: TypeAlias = Send | Switch | Pause | Listen | Ready


@dataclass(frozen=True, slots=True)
class Identification:
    """What a meter says of itself.

    Attributes:
        manufacturer: Three letters, the FLAG id.
        baud: The highest rate that it offers.
        text: Its own identification, without the sequences in front of it.
        is_quick: Whether it reacts within 20 ms.
        has_hdlc: Whether it offers mode E with HDLC.
    """

    manufacturer: str
    baud: int
    text: str
    is_quick: bool
    has_hdlc: bool


def parse_identification(octets: bytes) -> Identification | None:
    r"""The identification in ``octets``, such as ``/MTC5\2MCS301`` and CR LF, wherever it begins."""
    found = _IDENTIFICATION.search(bytes(octet & 0x7F for octet in octets))
    if found is None:
        return None
    manufacturer = found[1].decode("ascii")
    return Identification(
        manufacturer=manufacturer,
        baud=BAUD_RATES[chr(found[2][0])],
        text=found[4].decode("ascii"),
        is_quick=manufacturer[2].islower(),
        has_hdlc=b"\\2" in found[3],
    )


class State(Enum):
    """Where a sign-on is."""

    IDLE = "idle"
    SIGNING_ON = "signing on"
    SELECTING = "selecting"
    READY = "ready"


class _Machine:
    """What both ends share: a buffer with a limit, the form of the line, and parity by hand."""

    def __init__(self, *, software_parity: bool) -> None:
        self.state = State.IDLE
        self._buffer = b""
        self._software_parity = software_parity

    def _text_line(self, baud: int) -> Switch:
        if self._software_parity:
            return Switch(Line(baud=baud))
        return Switch(Line(baud=baud, data_bits=7, parity="even"))

    def _say(self, text: bytes) -> Send:
        return Send(bytes(map(_with_parity, text)) if self._software_parity else text)

    def _hear(self, octets: bytes) -> bytes:
        """What has come so far, without parity bits; of too much only the end is kept."""
        self._buffer = (self._buffer + octets)[-_LONGEST_LINE:]
        return bytes(octet & 0x7F for octet in self._buffer)


class ModeEClient(_Machine):
    """The client's end.

    Args:
        line: How HDLC goes on; its rate is the highest to agree on.
        device: The device address, empty for whoever is there.
        retries: How often the sign-on is said again.
        software_parity: Keep the port at 8N1 and set the parity bits by hand.

    Attributes:
        identification: What the meter has said of itself.
    """

    def __init__(
        self, line: Line, *, device: str = "", retries: int = 2, software_parity: bool = False
    ) -> None:
        super().__init__(software_parity=software_parity)
        self.identification: Identification | None = None
        self._line = line
        self._device = device
        self._left = retries

    def start(self) -> list[Action]:
        """Begin."""
        self.state = State.SIGNING_ON
        return [self._text_line(SIGN_ON_BAUD), *self._sign_on()]

    def receive(self, octets: bytes) -> list[Action]:
        """Octets have come. Raises TransportError where the meter has no mode E."""
        heard = self._hear(octets)
        for meaning, act in _CLIENT[self.state]:
            if (found := meaning(heard)) is not None:
                return act(self, found)
        return [Listen(_CONFIRMATION_S if self.state is State.SELECTING else _SILENCE_S)]

    def handle_silence(self) -> list[Action]:
        """None have come for as long as was asked for. Raises TransportError where nothing is left to try."""
        if self.state is State.SELECTING:  # some meters confirm at the old rate, some never
            return self._begin_hdlc(b"")
        if self._left == 0:
            raise _failed("no-answer", "nobody identifies itself", hint="is the head in place, is it mode E?")
        self._left -= 1
        return self._sign_on()

    def _sign_on(self) -> list[Action]:
        self._buffer = b""
        text = f"/?{self._device}!\r\n".encode("ascii")
        return [self._say(text), Listen(_SILENCE_S)]

    def _identified(self, found: Identification) -> list[Action]:
        self.identification = found
        if not found.has_hdlc:
            raise _failed("no-hdlc", f"{found.manufacturer} {found.text} does not offer HDLC in mode E")
        baud = min(found.baud, self._line.baud)
        character, baud = max(
            ((character, rate) for character, rate in BAUD_RATES.items() if rate <= baud),
            key=lambda row: row[1],
        )
        self._line = replace(self._line, baud=baud)
        select = bytes((_ACK,)) + f"2{character}2\r\n".encode("ascii")
        self._buffer = b""
        self.state = State.SELECTING
        pause = Pause(_REACTION_S[found.is_quick])
        return [pause, self._say(select), self._text_line(baud), Listen(_CONFIRMATION_S)]

    def _confirmed(self, rest: bytes) -> list[Action]:
        return self._begin_hdlc(rest)

    def _refused(self, _: bytes) -> list[Action]:
        raise _failed("refused", "the meter refuses HDLC in mode E")

    def _begin_hdlc(self, rest: bytes) -> list[Action]:
        self.state = State.READY
        return [Switch(self._line), Ready(rest)]


class ModeEMeter(_Machine):
    """The meter's end.

    Args:
        baud: The rate that it offers.
        manufacturer: Three letters.
        text: Its identification.
        device: Its device address; it also answers a sign-on without one.
        confirms: Whether it confirms the choice of HDLC; not every meter does.
        software_parity: Keep the port at 8N1 and set the parity bits by hand.
    """

    def __init__(
        self,
        baud: int = 9600,
        *,
        manufacturer: str = "MTC",
        text: str = "MCS301",
        device: str = "",
        confirms: bool = True,
        software_parity: bool = False,
    ) -> None:
        super().__init__(software_parity=software_parity)
        self._baud = baud
        self._character = check_baud(baud)
        self._names = (manufacturer, text, device)
        self._confirms = confirms

    def start(self) -> list[Action]:
        """Wait for a sign-on; also after HDLC has ended."""
        self.state = State.IDLE
        self._buffer = b""
        return [self._text_line(SIGN_ON_BAUD), Listen(None)]

    def receive(self, octets: bytes) -> list[Action]:
        """Octets have come."""
        heard = self._hear(octets)
        for meaning, act in _METER[self.state]:
            if (found := meaning(heard)) is not None:
                return act(self, found)
        return [Listen(None if self.state is State.IDLE else _SILENCE_S)]

    def handle_silence(self) -> list[Action]:
        """The client has chosen nothing."""
        return self.start()

    def _signed_on(self, device: bytes) -> list[Action]:
        manufacturer, text, own = self._names
        self._buffer = b""
        if device and device.lstrip(b"0") != own.encode("ascii").lstrip(b"0"):
            return [Listen(None)]
        self.state = State.SELECTING
        identification = f"/{manufacturer}{self._character}\\2{text}\r\n".encode("ascii")
        return [Pause(_REACTION_S[True]), self._say(identification), Listen(_SILENCE_S)]

    def _selected(self, choice: tuple[str, str, str]) -> list[Action]:
        control, character, mode = choice
        baud = BAUD_RATES[character]
        if (control, mode) != ("2", "2") or baud > self._baud:
            return self.start()
        self.state = State.READY
        confirmation = bytes((_ACK,)) + f"2{character}2\r\n".encode("ascii")
        confirming: list[Action] = (
            [Pause(_REACTION_S[True]), self._say(confirmation)] if self._confirms else []
        )
        return [self._text_line(baud), *confirming, Switch(Line(baud=baud)), Ready()]


def _identification_in(heard: bytes) -> Identification | None:
    return parse_identification(heard)


def _confirmation_in(heard: bytes) -> bytes | None:
    found = _OPTION_SELECT.search(heard)
    return None if found is None else heard[found.end() :]


def _refusal_in(heard: bytes) -> bytes | None:
    return heard if heard and heard[-1] == _NAK else None


def _sign_on_in(heard: bytes) -> bytes | None:
    found = _SIGN_ON.search(heard)
    return None if found is None else found[1]


def _choice_in(heard: bytes) -> tuple[str, str, str] | None:
    found = _OPTION_SELECT.search(heard)
    return None if found is None else (chr(found[1][0]), chr(found[2][0]), chr(found[3][0]))


_CLIENT: Final[dict[State, tuple[tuple[Callable[[bytes], object], Callable[..., list[Action]]], ...]]] = {
    State.IDLE: (),
    State.SIGNING_ON: ((_identification_in, ModeEClient._identified),),
    State.SELECTING: ((_confirmation_in, ModeEClient._confirmed), (_refusal_in, ModeEClient._refused)),
    State.READY: (),
}
_METER: Final[dict[State, tuple[tuple[Callable[[bytes], object], Callable[..., list[Action]]], ...]]] = {
    State.IDLE: ((_sign_on_in, ModeEMeter._signed_on),),
    State.SELECTING: ((_choice_in, ModeEMeter._selected),),
    State.READY: (),
}


def check_baud(baud: int) -> str:
    """The character that stands for a rate. Raises ConfigurationError where mode E has none."""
    for character, rate in BAUD_RATES.items():
        if rate == baud:
            return character
    rates = ", ".join(map(str, BAUD_RATES.values()))
    raise ConfigurationError(
        f"mode E has no {baud} baud", code="configuration.address", hint=f"one of {rates}"
    )


def _with_parity(octet: int) -> int:
    return octet | (octet.bit_count() & 1) << 7


def _failed(kind: str, message: str, hint: str | None = None) -> TransportError:
    return TransportError(f"mode E: {message}", code=f"transport.mode-e.{kind}", hint=hint)
