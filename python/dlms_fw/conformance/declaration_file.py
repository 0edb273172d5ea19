"""A declaration out of a file: the table ``[conformance]`` beside the profiles that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from dlms_fw.certificate_authority import CertificateAuthority
from dlms_fw.conformance.declaration import MEDIA, AttributeName, Declaration
from dlms_fw.conformance.firmware import EventCodes, Firmware
from dlms_fw.conformance.images import Images
from dlms_fw.conformance.wire.hdlc_frames import ServerAddress
from dlms_fw.driver import public_profile
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, DlmsError
from dlms_fw.image import Image
from dlms_fw.logical_name import LogicalName
from dlms_fw.profile_files import load_profiles
from dlms_fw.profiles import Profile
from dlms_fw.signing_keys import load_private_key
from dlms_fw.toml_files import read_toml
from dlms_fw.transfer import MeterObjects

_ADDRESS: Final = re.compile(r"(\d+)(?:/(\d+))?:([124])")
_ATTRIBUTE: Final = re.compile(r"(\d+):([\d.:-]+):(\d+)")


def medium_of(endpoint: Endpoint) -> str:
    """The name of the medium that an address stands for."""
    if endpoint.is_hdlc:
        return "hdlc"
    return "datagrams" if endpoint.scheme == "udp" else "wrapper"


def load_declaration(
    path: str | Path, urls: tuple[str, ...] = (), *, environ: Mapping[str, str] | None = None
) -> Declaration:
    """Read ``[conformance]`` of a TOML file with profiles.

    Args:
        path: The file.
        urls: Where the meter is, beside or instead of what the file says.
        environ: What ``env:`` references look into; the process environment by default.

    Raises:
        ConfigurationError: naming the first key that is unknown or has a wrong value.
    """
    path = Path(path)
    table = read_toml(path, "the declaration").get("conformance")
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path} has no [conformance]")
    reader = _Reader(path, os.environ if environ is None else environ)
    given = reader.values(Declaration, {"name": path.stem, **table}, "conformance")
    endpoints = {**given.pop("endpoints", {}), **endpoints_of(urls)}
    return Declaration(**given, endpoints=endpoints)


def minimal_declaration(profile: Profile, urls: tuple[str, ...]) -> Declaration:
    """What is known of a meter of which only a management client was named."""
    public = public_profile(profile)
    clients = {"management": profile, "public": public, "low": public}
    return Declaration(
        name=", ".join(urls),
        clients=clients,
        endpoints=endpoints_of(urls),
        referencing=(profile.referencing,),
    )


def endpoints_of(urls: tuple[str, ...]) -> dict[str, Endpoint]:
    """Addresses by medium. Raises ConfigurationError for two of one medium."""
    found: dict[str, Endpoint] = {}
    for url in urls:
        endpoint = Endpoint.parse(url)
        medium = medium_of(endpoint)
        if medium in found:
            raise ConfigurationError(f"{found[medium]} and {endpoint} are both {medium}; one meter is tested")
        found[medium] = endpoint
    return found


class _Reader:
    """Turns tables into the arguments of declarations, field by field, each by its type."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ

    def values(self, kind: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The arguments for ``kind``. Raises ConfigurationError."""
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        found: dict[str, Any] = {}
        for key, value in table.items():
            if key not in names:
                near = get_close_matches(key, names, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
                raise ConfigurationError(f"{self._path}: {where}.{key} is not known", hint=hint)
            try:
                found[key] = self._value(hints[key], key, value, f"{where}.{key}")
            except (ValueError, TypeError, KeyError) as error:
                raise ConfigurationError(f"{self._path}: {where}.{key}: {error}") from None
        return found

    def _value(self, hint: Any, key: str, value: Any, where: str) -> Any:
        special: dict[str, Callable[[Any, str], Any]] = {
            "clients": self._clients,
            "endpoints": self._endpoints,
            "firmware": self._firmware,
            "images": self._images,
            "authority": self._authority,
            "objects": lambda table, at: MeterObjects(**self.values(MeterObjects, table, at)),
            "events": lambda table, at: EventCodes(**self.values(EventCodes, table, at)),
        }
        return special[key](value, where) if key in special else _plain(hint, value)

    def _clients(self, table: Any, _where: str) -> dict[str, Profile]:
        profiles = load_profiles(self._path, environ=self._environ)
        clients = {role: profiles[name] for role, name in table.items()}
        if "management" not in clients:
            raise ValueError("the profile of the client with the role management is missing")
        if "public" in clients:
            clients.setdefault("low", clients["public"])
        return clients

    def _endpoints(self, table: Any, _where: str) -> dict[str, Endpoint]:
        found = {medium: Endpoint.parse(url) for medium, url in table.items()}
        for medium, endpoint in found.items():
            if medium not in MEDIA or medium_of(endpoint) != medium:
                raise ValueError(f"{endpoint} is not {medium}; there are {', '.join(MEDIA)}")
        return found

    def _firmware(self, table: Any, where: str) -> Firmware:
        return Firmware(**self.values(Firmware, table, where))

    def _images(self, table: Any, where: str) -> Images:
        if unknown := set(table) - {"good", "back", "signing_key"}:
            raise ValueError(
                f"{', '.join(sorted(unknown))} is not known; there are good, back and signing_key"
            )
        back, key = table.get("back"), table.get("signing_key")
        return Images(
            good=self._image(table["good"], f"{where}.good"),
            back=None if back is None else self._image(back, f"{where}.back"),
            signing_key=None if key is None else load_private_key(self._path.parent / key),
        )

    def _authority(self, table: Any, _where: str) -> CertificateAuthority:
        if set(table) != {"key", "certificate"}:
            raise ValueError("key and certificate are needed, and nothing else")
        try:
            pem = [(self._path.parent / table[name]).read_bytes() for name in ("key", "certificate")]
            return CertificateAuthority.from_pem(*pem)
        except (OSError, DlmsError) as error:
            raise ValueError(str(error)) from None

    def _image(self, name: str, where: str) -> Image:
        try:
            return Image.open(self._path.parent / name)
        except DlmsError as error:
            raise ValueError(f"{where}: {error}") from None


def _plain(hint: Any, value: Any) -> Any:
    """A value by its type: text for names and octets, and what TOML has itself."""
    origin = get_origin(hint)
    if origin is UnionType:
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
        return _plain(hint, value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError("an array is needed")
        return tuple(_plain(get_args(hint)[0], one) for one in value)
    if origin is Literal:
        if value not in get_args(hint):
            raise ValueError(f"one of {', '.join(map(str, get_args(hint)))} is needed")
        return value
    if hint is AttributeName:
        return attribute_name(value)
    if hint is ServerAddress:
        return server_address(value)
    if hint is LogicalName:
        return LogicalName(value)
    if hint is bytes:
        return bytes.fromhex(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise TypeError(f"{getattr(hint, '__name__', hint)} is needed")
    return value


def attribute_name(text: str) -> AttributeName:
    """``CLASS:LOGICAL NAME:ATTRIBUTE``, such as ``1:0-0:42.0.0.255:2``. Raises ValueError."""
    match = _ATTRIBUTE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is not of the form 1:0-0:42.0.0.255:2")
    return AttributeName(int(match[1]), LogicalName(match[2]), int(match[3]))


def server_address(text: str) -> ServerAddress:
    """``UPPER:OCTETS`` or ``UPPER/LOWER:OCTETS``, such as ``1/17:4``. Raises ValueError."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is not of the form 1:1 or 1/17:4")
    return ServerAddress(int(match[1]), None if match[2] is None else int(match[2]), int(match[3]))
