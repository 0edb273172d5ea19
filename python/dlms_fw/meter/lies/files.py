"""Faults in a file: a list of tables, each with a name and its parameters."""

from __future__ import annotations

from pathlib import Path

from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.lies.lie import Lie
from dlms_fw.toml_files import read_toml


def load_lies(path: str | Path) -> tuple[Lie, ...]:
    """The faults of a TOML file: ``[[fault]]`` with ``name`` and parameters. Raises ConfigurationError."""
    document = read_toml(Path(path), "the faults")
    faults = document.pop("fault", [])
    if document or not isinstance(faults, list):
        raise ConfigurationError(f"{path}: there is nothing but [[fault]] in it", hint=f"{sorted(document)}")
    return tuple(_lie(path, number, fault) for number, fault in enumerate(faults, 1))


def _lie(path: str | Path, number: int, fault: object) -> Lie:
    if not isinstance(fault, dict) or not isinstance(fault.get("name"), str):
        raise ConfigurationError(f"{path}: fault {number} has no name")
    parameters = {key: value for key, value in fault.items() if key != "name"}
    try:
        return Lie.made(fault["name"], parameters)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
