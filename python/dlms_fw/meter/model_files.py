"""Meter models in TOML files: the ones that ship with the library, and those of users.

A file may extend another model: it then says only what is different. All mistakes of a file are reported at
once, each with the table and the key that it stands in. The keys are told in the reference of model files.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module, resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from dlms_fw.cosem.catalogue import find_interface_class, known_versions, raw_interface_class
from dlms_fw.cosem.interface import AttributeRow, InterfaceClass
from dlms_fw.enums import AuthenticationMechanism
from dlms_fw.errors import ConfigurationError
from dlms_fw.hls import MECHANISM_NAMES
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import Rights
from dlms_fw.meter.model import ROLES, ClientDescription, MeterModel, ObjectDescription
from dlms_fw.meter.model_rights import RightsMistake, rights_of
from dlms_fw.meter.model_values import ValueMistake, value_of
from dlms_fw.profiles import raise_if
from dlms_fw.toml_files import read_toml

_PACKAGE: Final = "dlms_fw.meter.models"
_LARGEST_FILE: Final = 4 << 20
_LONGEST_CHAIN: Final = 8
"""Files that extend one another."""
_TOP: Final = ("title", "extends", "families", "settings", "clients", "access", "objects")
_OBJECT_KEYS: Final = ("class_id", "version", "logical_name", "logical_names", "access", "values")


def model_names() -> list[str]:
    """The names of the models that ship with the library."""
    files = resources.files(_PACKAGE).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load_model(name: str | Path) -> MeterModel:
    """A model that ships with the library, by its name, or another one by where it is.

    What ends in ``.toml`` is the path of a file. ``MODULE:NAME`` is a model in a Python module, or what makes
    one when it is called. A model that ships with the library is read once.

    Raises:
        ConfigurationError: There is no such model, or the file has mistakes; it tells all of them.
    """
    text = str(name)
    if text.endswith(".toml"):
        return _parsed(_read_chain(Path(text)), text)
    module, colon, member = text.partition(":")
    return _imported(module, member) if colon else _shipped(text)


def _imported(module: str, name: str) -> MeterModel:
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"the meter model {module}:{name} cannot be imported: {error}") from None
    model = found() if callable(found) else found
    if not isinstance(model, MeterModel):
        raise ConfigurationError(f"{module}:{name} is no meter model")
    return model


@lru_cache(maxsize=64)
def _shipped(name: str) -> MeterModel:
    return _parsed(_read_shipped(name), name)


class _Source(NamedTuple):
    """One file of a chain in which each extends the next."""

    where: str
    table: dict[str, Any]


def _read_shipped(name: str) -> list[_Source]:
    file = resources.files(_PACKAGE) / f"{name}.toml"
    if name not in model_names():
        near = get_close_matches(name, model_names(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(model_names())}"
        raise ConfigurationError(f"there is no meter model {name}", hint=hint)
    return _with_base(_Source(f"{name}.toml", tomllib.loads(file.read_text())), None, 1)


def _read_chain(path: Path, depth: int = 1) -> list[_Source]:
    if depth > _LONGEST_CHAIN:
        raise ConfigurationError(f"{path}: more than {_LONGEST_CHAIN} models extend one another")
    table = read_toml(path, "the meter model", limit=_LARGEST_FILE)
    return _with_base(_Source(str(path), table), path.parent, depth)


def _with_base(source: _Source, folder: Path | None, depth: int) -> list[_Source]:
    base = source.table.get("extends")
    if base is None:
        return [source]
    if not isinstance(base, str):
        raise ConfigurationError(f"{source.where}: extends: the name or the path of a model is needed")
    if folder is not None and base.endswith(".toml"):
        return [*_read_chain(folder / base, depth + 1), source]
    return [*_read_shipped(base), source]


def _parsed(sources: list[_Source], name: str) -> MeterModel:
    """The model of a chain of files, the one that extends nothing first."""
    reader = _Reader()
    for source in sources:
        reader.take(source)
    reader.finish()
    raise_if(reader.mistakes, sources[-1].where)
    return MeterModel(
        name=Path(name).stem if name.endswith(".toml") else name,
        title=reader.title,
        settings=reader.settings,
        clients=tuple(reader.clients.values()),
        families=reader.families,
        objects=tuple(reader.objects.values()),
    )


class _Reader:
    """Takes files one after the other, the later on top of the earlier, and notes what is wrong."""

    def __init__(self) -> None:
        self.title = ""
        self.settings: dict[str, Any] = {}
        self.clients: dict[str, ClientDescription] = {}
        self.families: tuple[str, ...] = ()
        self.objects: dict[tuple[int, bytes], ObjectDescription] = {}
        self.mistakes: list[str] = []
        self._access: dict[str, dict[str, Any]] = {}
        self._tables_of_objects: list[list[dict[str, Any]]] = []

    def take(self, source: _Source) -> None:
        table = source.table
        for key in table.keys() - set(_TOP):
            self._mistake(key, f"there is no such key; there are {', '.join(_TOP)}")
        self.title = self._text(table.get("title", self.title), "title")
        families = table.get("families", list(self.families))
        if isinstance(families, list) and all(isinstance(family, str) for family in families):
            self.families = tuple(families)
        else:
            self._mistake("families", "a list of names is needed")
        self.settings |= self._tables(table, "settings")
        for name, client in self._tables(table, "clients").items():
            self._take_client(name, client)
        for name, access in self._tables(table, "access").items():
            if isinstance(access, dict):
                self._access[name] = access
            else:
                self._mistake(f"access.{name}", "a table is needed")
        objects = table.get("objects", [])
        if isinstance(objects, list) and all(isinstance(item, dict) for item in objects):
            self._tables_of_objects.append(objects)
        else:
            self._mistake("objects", "tables are needed: [[objects]]")

    def _take_client(self, name: str, given: Any) -> None:
        where = f"clients.{name}"
        if not isinstance(given, dict) or not given.keys() <= {"sap", "role", "authentication"}:
            self._mistake(where, "a table with sap and role is needed")
            return
        sap, role = given.get("sap"), given.get("role")
        word = given.get("authentication")
        if type(sap) is not int or not 0 <= sap <= 0xFFFF:
            self._mistake(f"{where}.sap", "a whole number from 0 to 65535 is needed")
        elif role not in ROLES:
            self._mistake(f"{where}.role", f"one of {', '.join(ROLES)} is needed")
        elif word is not None and word not in MECHANISM_NAMES:
            self._mistake(f"{where}.authentication", f"one of {', '.join(MECHANISM_NAMES)} is needed")
        else:
            mechanism = None if word is None else AuthenticationMechanism(MECHANISM_NAMES[word].id)
            self.clients[name] = ClientDescription(name=name, sap=sap, role=role, mechanism=mechanism)

    def finish(self) -> None:
        """Objects last: what a later file says of clients and access holds for an earlier one too."""
        for tables in self._tables_of_objects:
            own: set[tuple[int, bytes]] = set()
            for number, table in enumerate(tables, start=1):
                for description in self._descriptions(f"objects[{number}]", table):
                    if description.key in own:
                        self._mistake(f"objects[{number}]", f"{description.logical_name} stands twice")
                    own.add(description.key)
                    self.objects[description.key] = description

    def _descriptions(self, where: str, table: dict[str, Any]) -> Iterator[ObjectDescription]:
        """The objects of one table, which may name several that are alike."""
        if unknown := sorted(table.keys() - set(_OBJECT_KEYS)):
            self._mistake(
                f"{where}.{unknown[0]}", f"there is no such key; there are {', '.join(_OBJECT_KEYS)}"
            )
        values = table.get("values", {})
        interface = self._interface(where, table, values)
        names = list(self._logical_names(where, table))
        if interface is None or not names:
            return
        if len(names) == 1:
            where = f"{where} ({names[0]})"
        rights = self._rights(where, interface, table.get("access", "default"))
        typed = self._values(where, interface, values)
        octets: Mapping[int, bytes] = {}
        for name in names:
            try:
                description = ObjectDescription(
                    interface=interface, logical_name=name, values=typed, rights=rights, octets=octets
                )
            except ConfigurationError as error:
                self._mistake(f"{where}.values", str(error))
                return
            octets = description.octets
            yield description

    def _interface(self, where: str, table: dict[str, Any], values: Any) -> type[InterfaceClass] | None:
        class_id, version = table.get("class_id"), table.get("version", 0)
        if type(class_id) is not int or not 0 <= class_id <= 0xFFFF:
            self._mistake(f"{where}.class_id", "a whole number from 0 to 65535 is needed")
        elif type(version) is not int or not 0 <= version <= 0xFF:
            self._mistake(f"{where}.version", "a whole number from 0 to 255 is needed")
        elif found := find_interface_class(class_id, version):
            return found
        elif versions := known_versions(class_id):
            known = ", ".join(map(str, versions))
            self._mistake(f"{where}.version", f"class {class_id} has no version {version}, but {known}")
        else:
            return raw_interface_class(class_id, version, _raw_ids(values))
        return None

    def _logical_names(self, where: str, table: dict[str, Any]) -> Iterator[LogicalName]:
        key = "logical_names" if "logical_names" in table else "logical_name"
        given: Any = table.get(key)
        for name in given if key == "logical_names" and isinstance(given, list) else [given]:
            try:
                yield LogicalName(name)
            except (TypeError, ValueError):
                self._mistake(f"{where}.{key}", f'a logical name is needed: "1-0:1.8.0.255", not {name!r}')

    def _rights(self, where: str, interface: type[InterfaceClass], given: Any) -> dict[int, Rights]:
        table = self._access.get(given) if isinstance(given, str) else given
        if not isinstance(table, dict):
            self._mistake(f"{where}.access", f"there is no [access.{given}]; a table by clients is needed")
            return {}
        found: dict[int, Rights] = {}
        for name, words in table.items():
            client = self.clients.get(name)
            if client is None:
                self._mistake(f"{where}.access", f"there is no client {name}")
                continue
            try:
                rights = rights_of(interface, words)
            except RightsMistake as mistake:
                self._mistake(f"{where}.access.{name}", str(mistake))
                continue
            if rights is not None:
                found[client.sap] = rights
        return found

    def _values(self, where: str, interface: type[InterfaceClass], given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._mistake(f"{where}.values", "a table is needed")
            return {}
        typed: dict[str, Any] = {}
        for name, value in given.items():
            row = interface.rows.get(name)
            if not isinstance(row, AttributeRow) or row.attribute_id == 1:
                names = [row.name for number, row in interface.attributes.items() if number != 1]
                self._mistake(
                    f"{where}.values.{name}", f"there is no such attribute; there are {', '.join(names)}"
                )
                continue
            try:
                typed[name] = value_of(row.data_type, value)
            except ValueMistake as mistake:
                path = f".{mistake.path}" if mistake.path and mistake.path[0] != "[" else mistake.path
                self._mistake(f"{where}.values.{name}{path}", mistake.message)
        return typed

    def _tables(self, table: dict[str, Any], key: str) -> dict[str, Any]:
        given = table.get(key, {})
        if isinstance(given, dict):
            return given
        self._mistake(key, "a table is needed")
        return {}

    def _text(self, given: Any, key: str) -> str:
        if isinstance(given, str):
            return given
        self._mistake(key, "a text is needed")
        return ""

    def _mistake(self, where: str, what: str) -> None:
        self.mistakes.append(f"{where}: {what}")


def _raw_ids(values: Any) -> list[int]:
    """The attributes of a class that nobody has declared: those that have values."""
    prefix = "attribute_"
    if not isinstance(values, dict):
        return []
    numbers = [name.removeprefix(prefix) for name in values if name.startswith(prefix)]
    return [int(number) for number in numbers if number.isdigit() and 1 < int(number) < 128]
