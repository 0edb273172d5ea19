"""Where a meter is, as a URL: the medium, the place, and what the medium must know.

| URL | is |
|---|---|
| ``tcp://HOST:PORT`` | the wrapper over TCP |
| ``udp://HOST:PORT`` | the wrapper over UDP |
| ``hdlc+tcp://HOST:PORT`` | HDLC in a TCP stream |
| ``serial:///dev/ttyUSB0?baud=9600&mode=e`` | HDLC on a serial port, with or without the sign-on of mode E |
| ``sim:`` | a simulated meter in this process |

Pure text: nothing is looked up or opened. An address carries no secret, and is refused when it seems to.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias, cast, get_args
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from dlms_fw.errors import ConfigurationError

DEFAULT_PORT = 4059
"""Registered for DLMS/COSEM, on TCP and UDP."""

Scheme: TypeAlias = Literal["tcp", "udp", "hdlc+tcp", "serial", "sim", "pty"]
"""The medium and what is on it; ``pty`` is a serial line without a port, which only a meter can offer."""
Parity: TypeAlias = Literal["none", "even", "odd"]

_SCHEMES: Final = ("tcp", "udp", "hdlc+tcp", "serial", "sim")
_NETWORK: Final = frozenset({"tcp", "udp", "hdlc+tcp"})
_HDLC: Final = frozenset({"hdlc+tcp", "serial", "pty"})
_SAPS: Final = ("client", "server")
_HINT: Final = "write tcp://HOST:PORT, udp://HOST:PORT, hdlc+tcp://HOST:PORT, serial:///dev/ttyUSB0 or sim:"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSettings:
    """How a serial line is used.

    Attributes:
        baud: Bits in a second. With mode E the highest rate to agree on; the sign-on begins at 300.
        data_bits: Of HDLC, 7 or 8.
        parity: Of HDLC.
        stop_bits: 1 or 2.
        mode: ``hdlc`` begins with HDLC at once, ``e`` with the sign-on of IEC 62056-21 mode E.
        device: The device address in the sign-on, empty for whoever is there.
        software_parity: The adapter cannot do 7E1; the parity bits of the sign-on are set by hand.
    """

    baud: int = 9600
    data_bits: int = 8
    parity: Parity = "none"
    stop_bits: int = 1
    mode: Literal["hdlc", "e"] = "hdlc"
    device: str = ""
    software_parity: bool = False

    def query(self) -> dict[str, str]:
        """What differs from the usual, as it stands in a URL."""
        differing: dict[str, object] = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return {_KEY_OF[name]: _text(value) for name, value in differing.items()}


_SERIAL_KEYS: Final = {
    "baud": "baud",
    "bits": "data_bits",
    "parity": "parity",
    "stop": "stop_bits",
    "mode": "mode",
    "device": "device",
    "software-parity": "software_parity",
}
_KEY_OF: Final = {name: key for key, name in _SERIAL_KEYS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address.

    Attributes:
        scheme: The medium, and whether the wrapper or HDLC is on it.
        host: Name or address; an IPv6 address without its brackets; empty where one listens at all
            addresses.
        port: TCP or UDP port; 0 only where one listens and any free port will do.
        device: The serial port, such as ``/dev/ttyUSB0`` or ``COM3``.
        serial: How the serial port is used.
        client_sap: Overrides the profile's, where given.
        server_sap: Overrides the profile's, where given (HDLC: the upper address).
        server_lower: Overrides the profile's lower HDLC address, where given.
    """

    scheme: Scheme
    host: str = ""
    port: int = DEFAULT_PORT
    device: str = ""
    serial: SerialSettings = SerialSettings()
    client_sap: int | None = None
    server_sap: int | None = None
    server_lower: int | None = None

    @classmethod
    def parse(cls, url: str, *, listen: bool = False) -> Endpoint:
        """Read an address such as ``tcp://[2001:db8::7]:4059?client=1&server=1``.

        In HDLC ``server=1/17`` gives the upper and the lower address. Port 0, no host, and ``pty``, are
        allowed to listen on only.

        Raises:
            ConfigurationError: with what is wrong; it does not repeat user names, passwords or unknown parts.
        """
        text = url.strip()
        if listen and text.partition("?")[0] == "pty":
            text = text.replace("pty", "pty:", 1)
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise _mistake(f"not an address: {error}") from None
        scheme = sys.intern(parts.scheme)
        if scheme not in _SCHEMES and not (listen and scheme == "pty"):
            near = get_close_matches(scheme, _SCHEMES, n=1)
            hint = f"did you mean {_example(near[0])}?" if near else _HINT
            raise _mistake(f"{scheme}:// is not known" if scheme else "the address has no scheme", hint)
        if "@" in parts.netloc:
            raise _mistake("an address carries no user name or password", "put secrets into the profile")
        if listen and scheme == "sim":
            raise _mistake("sim: cannot be listened on", "it is a meter in the client's own process")
        query = _query(parts)
        is_network = scheme in _NETWORK
        place = _network_place(parts, port, listen=listen) if is_network else _local_place(parts)
        return cls(scheme=cast("Scheme", scheme), **place, **query)  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.is_network:
            host = f"[{self.host}]" if ":" in self.host else self.host
            return f"{self.scheme}://{host}:{self.port}"
        slashes = "//" if self.device.startswith("/") else ""
        query = self.serial.query()
        return f"{self.scheme}:{slashes}{quote(self.device)}{'?' if query else ''}{urlencode(query)}"

    @property
    def is_network(self) -> bool:
        """Whether there are a host and a port, not a device of this machine."""
        return self.scheme in _NETWORK

    @property
    def is_hdlc(self) -> bool:
        """Whether HDLC is on the medium, not the wrapper."""
        return self.scheme in _HDLC


def _network_place(parts: SplitResult, port: int | None, *, listen: bool) -> dict[str, object]:
    if not parts.hostname and not listen:
        raise _mistake("the address names no host")
    if parts.path not in {"", "/"} or parts.fragment:
        raise _mistake("an address ends after the port and ?client=…&server=…")
    if port == 0 and not listen:
        raise _mistake("port 0 can only be listened on")
    return {"host": parts.hostname or "", "port": DEFAULT_PORT if port is None else port}


def _local_place(parts: SplitResult) -> dict[str, object]:
    if parts.netloc:
        raise _mistake(
            f"{parts.scheme}: is on this machine and names no host", f"write {_example(parts.scheme)}"
        )
    if parts.fragment or (parts.scheme != "serial" and parts.path not in {"", "/"}):
        raise _mistake(f"{parts.scheme}: has nothing behind it but ?client=…&server=…")
    device = unquote(parts.path)
    if parts.scheme == "serial" and not device.strip("/"):
        raise _mistake("the address names no serial port", f"write {_example('serial')}")
    return {"device": device if parts.scheme == "serial" else ""}


def _example(scheme: str) -> str:
    return {"serial": "serial:///dev/ttyUSB0 or serial:COM3", "sim": "sim:", "pty": "pty"}.get(
        scheme, f"{scheme}://"
    )


def _query(parts: SplitResult) -> dict[str, object]:
    serial_line = parts.scheme in {"serial", "pty"}
    known = (*_SAPS, *_SERIAL_KEYS) if serial_line else _SAPS
    try:
        pairs = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=16
        )
    except ValueError:
        raise _mistake("what follows ? is not of the form client=1&server=1") from None
    given: dict[str, str] = {}
    for key, value in pairs:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}=?" if near else "put everything else into the profile"
            words = " and ".join((", ".join(f"{name}=" for name in known[:-1]), f"{known[-1]}="))
            raise _mistake(f"only {words} may follow ? in an address", hint)
        if key in given:
            raise _mistake(f"{key}= is given twice")
        given[key] = value
    found: dict[str, object] = {}
    for key, value in given.items():
        if key not in _SAPS:
            continue
        upper, slash, lower = value.partition("/")
        if slash and (key != "server" or parts.scheme not in _HDLC):
            raise _mistake("only server= of hdlc+tcp:// and serial: has a lower address")
        found[f"{key}_sap"] = _number(key, upper)
        if slash:
            found["server_lower"] = _number(key, lower)
    if serial_line:
        found["serial"] = SerialSettings(
            **{_SERIAL_KEYS[key]: _serial(key, value) for key, value in given.items() if key not in _SAPS}  # type: ignore[arg-type]
        )
    return found


_CHOICES: Final[dict[str, dict[str, object]]] = {
    "bits": {"7": 7, "8": 8},
    "parity": {parity: parity for parity in get_args(Parity)},
    "stop": {"1": 1, "2": 2},
    "mode": {"hdlc": "hdlc", "e": "e"},
    "software-parity": {"yes": True, "no": False},
}


def _serial(key: str, value: str) -> object:
    if key == "device":
        if len(value) > 32 or not ((value.isascii() and value.replace(" ", "").isalnum()) or not value):
            raise _mistake("device= has at most 32 letters, digits and spaces")
        return value
    if key == "baud":
        if not (value.isascii() and value.isdigit() and 50 <= int(value) <= 4_000_000):
            raise _mistake("baud= is not a number from 50 to 4000000")
        return int(value)
    if value.lower() not in _CHOICES[key]:
        raise _mistake(f"{key}= is one of {', '.join(_CHOICES[key])}")
    return _CHOICES[key][value.lower()]


def _text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 0xFFFF):
        raise _mistake(f"{key}= is not a number from 0 to 65535")
    return int(text)


def _mistake(message: str, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(message, code="configuration.address", hint=hint)
