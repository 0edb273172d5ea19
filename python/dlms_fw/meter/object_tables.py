"""The object table of a meter: the built-in families of its model, and the objects that the model describes.

Tables are made once for all meters of a model that are configured alike, and kept with the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.cosem.server import ServerObject
from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.access import Rights
from dlms_fw.meter.builtin_objects import FAMILIES, recovery_entries
from dlms_fw.meter.clients import MANAGEMENT, PRE_ESTABLISHED, PUBLIC, READING
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.interior import Interior, MeterEntry, MeterTable
from dlms_fw.meter.live import ACTS_BY_ITSELF, LIVE, Factory
from dlms_fw.meter.lockout import DEMAND_RESET_SCRIPTS, DemandResetScripts
from dlms_fw.meter.model import MeterModel, ObjectDescription, Role
from dlms_fw.meter.object_table import ObjectTable, full_rights
from dlms_fw.meter.stored_object import object_of_octets

_ROLE_SAPS: Final[Mapping[Role, int]] = {
    "management": MANAGEMENT,
    "reading": READING,
    "public": PUBLIC,
    "pre-established": PRE_ESTABLISHED,
}
"""The addresses by which the built-in objects tell the rights of roles."""


def object_table(config: MeterConfig) -> MeterTable:
    """The objects of meters with this configuration.

    Raises:
        ConfigurationError: The model names a family that there is not.
    """
    alike = (
        "all",
        config.association_version,
        config.security_setup_version,
        config.security_setups,
        config.ways_of_referencing,
        config.security_policy,
        config.part_count,
    )
    return _kept(config.meter_model, alike, _entries(config))


def recovery_table(config: MeterConfig) -> MeterTable:
    """What such a meter still has when its memory is damaged."""
    alike = ("recovery", config.association_version, config.ways_of_referencing)
    return _kept(config.meter_model, alike, _told_for(config.meter_model, recovery_entries(config)))


def _kept(model: MeterModel, alike: tuple[object, ...], entries: Iterable[MeterEntry]) -> MeterTable:
    table: MeterTable | None = model.derived.get(alike)
    if table is None:
        table = model.derived[alike] = ObjectTable(entries)
    return table


def _entries(config: MeterConfig) -> Iterator[MeterEntry]:
    model = config.meter_model
    built_in: dict[tuple[int, bytes], MeterEntry] = {}
    for name in model.families:
        family = FAMILIES.get(name)
        if family is None:
            known = ", ".join(FAMILIES)
            raise ConfigurationError(f"{model.name}: there is no family {name}; there are {known}")
        built_in |= {entry.key: entry for entry in _told_for(model, family(config))}
    yield from built_in.values()
    for description in model.objects:
        known_entry = built_in.get(description.key)
        if known_entry is not None and description.make is None and not description.octets:
            yield replace(known_entry, rights=description.rights)
        else:
            yield _entry(description)


def _told_for(model: MeterModel, entries: Iterable[MeterEntry]) -> Iterator[MeterEntry]:
    """Entries with the rights of roles told for the clients of the model."""
    for entry in entries:
        rights: dict[int, Rights] = {}
        for client in model.clients:
            of_role = entry.rights.get(_ROLE_SAPS[client.role])
            if of_role is not None:
                rights[client.sap] = of_role
        yield replace(entry, rights=rights)


def _entry(description: ObjectDescription) -> MeterEntry:
    """By itself where the model says how, else a live object, else one that keeps its values."""
    interface = description.interface
    factory = LIVE.get((interface.class_id, interface.version))
    make, rights = description.make, description.rights
    is_live = make is None and factory is not None
    if is_live and isinstance(factory, type):
        # What an object does not let be written is not listed as writable.
        writable = full_rights(factory).writable
        rights = {sap: replace(each, writable=each.writable & writable) for sap, each in rights.items()}
    return MeterEntry(
        interface=interface,
        logical_name=description.logical_name,
        rights=rights,
        make=make or (_stored(description) if factory is None else _live(description, factory)),
        acts=is_live and interface.class_id in ACTS_BY_ITSELF,
    )


def _stored(description: ObjectDescription) -> Callable[[Interior], ServerObject]:
    return lambda _: object_of_octets(description.interface, description.logical_name, description.octets)


def _live(description: ObjectDescription, factory: Factory) -> Callable[[Interior], ServerObject]:
    name, values = description.logical_name, description.values
    if description.interface is ScriptTable and name == DEMAND_RESET_SCRIPTS:
        return lambda interior: _demand_reset(interior, values)
    return lambda interior: factory(name, values, interior.units.plant)


def _demand_reset(interior: Interior, values: Mapping[str, Any]) -> ServerObject:
    scripts = DemandResetScripts(DEMAND_RESET_SCRIPTS, values, interior.units.plant)
    scripts.on_reset = interior.on_demand_reset
    return scripts
