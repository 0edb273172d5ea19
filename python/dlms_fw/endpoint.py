"""Where a meter is: ``tcp://HOST:PORT`` (wrapper) or ``hdlc+tcp://HOST:PORT`` (HDLC through a TCP socket).

Pure text: nothing is looked up or opened. An address carries no secret, and is refused when it seems to.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, cast
from urllib.parse import SplitResult, parse_qsl, urlsplit

from dlms_fw.errors import ConfigurationError

DEFAULT_PORT = 4059
"""Registered for DLMS/COSEM, on TCP and UDP."""

_SCHEMES = ("tcp", "hdlc+tcp")
_LISTENING_SCHEMES = (*_SCHEMES, "udp")
_QUERY_KEYS = ("client", "server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address.

    Attributes:
        scheme: ``tcp`` (wrapper), ``hdlc+tcp``, or ``udp`` (wrapper) where one listens.
        host: Name or address; an IPv6 address without its brackets; empty where one listens at all addresses.
        port: TCP port; 0 only where one listens and any free port will do.
        client_sap: Overrides the profile's, where given.
        server_sap: Overrides the profile's, where given (HDLC: the upper address).
        server_lower: Overrides the profile's lower HDLC address, where given.
    """

    scheme: Literal["tcp", "hdlc+tcp", "udp"]
    host: str
    port: int = DEFAULT_PORT
    client_sap: int | None = None
    server_sap: int | None = None
    server_lower: int | None = None

    @classmethod
    def parse(cls, url: str, *, listen: bool = False) -> Endpoint:
        """Read an address such as ``tcp://[2001:db8::7]:4059?client=1&server=1``.

        In HDLC ``server=1/17`` gives the upper and the lower address. Port 0, and no host, are allowed to
        listen on only.

        Raises:
            ConfigurationError: with what is wrong; it does not repeat user names, passwords or unknown parts.
        """
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError as error:
            raise _mistake(f"not an address: {error}") from None
        scheme = parts.scheme
        if scheme not in (_LISTENING_SCHEMES if listen else _SCHEMES):
            near = get_close_matches(scheme, _SCHEMES, n=1)
            hint = f"did you mean {near[0]}://?" if near else "write tcp://HOST:PORT or hdlc+tcp://HOST:PORT"
            raise _mistake(f"{scheme}:// is not known" if scheme else "the address has no scheme", hint)
        if "@" in parts.netloc:
            raise _mistake("an address carries no user name or password", "put secrets into the profile")
        if not parts.hostname and not listen:
            raise _mistake("the address names no host")
        if parts.path not in {"", "/"} or parts.fragment:
            raise _mistake("an address ends after the port and ?client=…&server=…")
        if port == 0 and not listen:
            raise _mistake("port 0 can only be listened on")
        saps = _query(parts)
        return cls(
            scheme=cast("Literal['tcp', 'hdlc+tcp', 'udp']", scheme),
            host=parts.hostname or "",
            port=DEFAULT_PORT if port is None else port,
            client_sap=saps.get("client"),
            server_sap=saps.get("server"),
            server_lower=saps.get("lower"),
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _query(parts: SplitResult) -> dict[str, int]:
    saps: dict[str, int] = {}
    try:
        pairs = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=8
        )
    except ValueError:
        raise _mistake("what follows ? is not of the form client=1&server=1") from None
    for key, value in pairs:
        if key not in _QUERY_KEYS:
            near = get_close_matches(key, _QUERY_KEYS, n=1)
            hint = f"did you mean {near[0]}=?" if near else "put everything else into the profile"
            raise _mistake("only client= and server= may follow ? in an address", hint)
        if key in saps:
            raise _mistake(f"{key}= is given twice")
        upper, slash, lower = value.partition("/")
        if slash and (key != "server" or parts.scheme != "hdlc+tcp"):
            raise _mistake("only server= of hdlc+tcp:// has a lower address")
        saps[key] = _number(key, upper)
        if slash:
            saps["lower"] = _number(key, lower)
    return saps


def _number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 0xFFFF):
        raise _mistake(f"{key}= is not a number from 0 to 65535")
    return int(text)


def _mistake(message: str, hint: str | None = None) -> ConfigurationError:
    return ConfigurationError(message, code="configuration.address", hint=hint)
