"""What the objects of one meter are made of: its configuration, its units, and the care for its clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from dlms_fw.cosem.association import User
from dlms_fw.meter.association_care import ClientCare
from dlms_fw.meter.clients import needs_secrets
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.object_table import Entry, ObjectTable
from dlms_fw.meter.objects import ObjectDictionary
from dlms_fw.meter.ownership import TransferOwnership
from dlms_fw.meter.security_memory import SecurityMemory
from dlms_fw.meter.units import MeterUnits


@dataclass(slots=True, eq=False)
class Interior:
    """What an entry of an object table makes its object of."""

    config: MeterConfig
    care: ClientCare
    powered: MeterUnits | None
    """``None`` in a meter whose memory is so damaged that it only answers who it is."""
    ownership: TransferOwnership
    on_demand_reset: Callable[[], None] = lambda: None
    """Called after the demand was reset."""
    dictionary: ObjectDictionary[Interior] = field(init=False)

    @property
    def units(self) -> MeterUnits:
        """Clock, logs, keys and firmware. Raises LookupError in recovery."""
        if self.powered is None:
            raise LookupError("the meter is in recovery")
        return self.powered


MeterEntry: TypeAlias = Entry[Interior]
MeterTable: TypeAlias = ObjectTable[Interior]


def object_dictionary(
    table: MeterTable,
    units: MeterUnits,
    ownership: TransferOwnership,
    *,
    on_change: Callable[[], None],
    on_demand_reset: Callable[[], None],
) -> ObjectDictionary[Interior]:
    """All objects of a meter in working order.

    Args:
        table: What objects there are.
        units: What they are made of.
        ownership: Who may call the image transfer.
        on_change: Called when clients are to be known anew.
        on_demand_reset: Called after the demand was reset.
    """
    config = units.config
    care = ClientCare(
        units.security_memory,
        lambda: dictionary,
        needs_secret=needs_secrets(config),
        users=tuple(User(number, name.encode()) for number, name in (config.users or {}).items()),
        on_change=on_change,
    )
    interior = Interior(config, care, units, ownership, on_demand_reset)
    dictionary = interior.dictionary = ObjectDictionary(table, interior, config.access_rules)
    care.power_up()
    units.symmetric_keys.on_change = units.key_pairs.on_change = on_change
    return dictionary


def recovery_dictionary(
    table: MeterTable, config: MeterConfig, ownership: TransferOwnership
) -> ObjectDictionary[Interior]:
    """What a meter still answers whose memory is damaged: who it is, and that something is wrong."""
    care = ClientCare(SecurityMemory(None), lambda: dictionary)
    interior = Interior(config, care, None, ownership)
    dictionary = interior.dictionary = ObjectDictionary(table, interior)
    return dictionary
