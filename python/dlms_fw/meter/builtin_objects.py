"""The objects that are more than values: who the meter is, its associations, keys, clock and firmware.

Each family gives the entries that a configuration asks for; which families a meter has, and with what else,
its model says. What the objects do stands in their own files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from dlms_fw._core import Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem import well_known
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.sap_assignment import SapAssignment
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import DataAccessResult, KeyId
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import Rights
from dlms_fw.meter.association_entries import association_entries
from dlms_fw.meter.caller import Caller
from dlms_fw.meter.clients import MANAGEMENT, PRE_ESTABLISHED, PUBLIC, READING, setup_of
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.event_log_entries import LOGS, log_family
from dlms_fw.meter.identity import utility_device_id
from dlms_fw.meter.image_store import ImageStore
from dlms_fw.meter.interior import Interior, MeterEntry
from dlms_fw.meter.live.alarms import ALARM_REGISTER, NV_MEMORY_ALARM, PROGRAM_MEMORY_ALARM
from dlms_fw.meter.live.data import MeterData
from dlms_fw.meter.object_table import full_rights, reading_rights
from dlms_fw.meter.plain_objects import DataObject, SapAssignmentObject, number_object, octets_object
from dlms_fw.meter.security_objects import SECURITY_SETUP_VERSIONS
from dlms_fw.meter.state import Firmware
from dlms_fw.meter.time_objects import ActivationScheduler, ActivationScripts, ClockObject

CONSUMER_SETUP: Final = 1
"""Value group E of the security setup of the consumer interface."""
UTILITY_DEVICE_ID: Final = LogicalName("1-0:0.0.0.255")
Family = Callable[[MeterConfig], Iterable[MeterEntry]]


def firmware_version_object(part: int) -> LogicalName:
    """The manufacturer-specific object with the version of a firmware part as text."""
    return LogicalName(f"1-{part}:0.2.128.255")


def identity(config: MeterConfig) -> Iterator[MeterEntry]:  # noqa: ARG001 (the same for all)
    """What the meter tells everybody."""
    yield _octets(well_known.LOGICAL_DEVICE_NAME, lambda config: config.logical_device_name)
    yield _for_everybody(
        SapAssignment,
        well_known.SAP_ASSIGNMENT,
        lambda interior: SapAssignmentObject(well_known.SAP_ASSIGNMENT, interior.config),
    )
    yield _octets(well_known.DEVICE_ID_1, lambda config: config.logical_device_name[-8:])
    yield _octets(well_known.DEVICE_ID_2, lambda config: config.model.encode())


def invocation_counters(config: MeterConfig) -> Iterator[MeterEntry]:
    """The last accepted invocation counters: 0 management, 1 reading, 2 broadcast."""
    unicast, broadcast = KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY, KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY
    streams = (MANAGEMENT, unicast), (READING, unicast), (PRE_ESTABLISHED, broadcast)
    for number, (client_sap, key_id) in enumerate(streams):
        name, setup = well_known.invocation_counter(number), setup_of(config, client_sap)

        def make(
            interior: Interior, name: LogicalName = name, setup: int = setup, key_id: KeyId = key_id
        ) -> ServerObject:
            units = interior.units

            def value() -> int:
                key = units.symmetric_keys.keys(setup).get(key_id)
                return 0 if key is None else max(0, units.counters.last_accepted(key.fingerprint))

            return number_object(name, value)

        yield _for_everybody(DataObject.interface, name, make)


def security_setups(config: MeterConfig) -> Iterator[MeterEntry]:
    """One for all clients, or one more for the reading client."""
    for setup in sorted({setup_of(config, sap) for sap in (MANAGEMENT, READING)}):
        yield _security_setup(config, setup)


def consumer_security_setup(config: MeterConfig) -> Iterator[MeterEntry]:
    """That of the consumer interface; its keys are replaced by the management client."""
    yield _security_setup(config, CONSUMER_SETUP)


def _security_setup(config: MeterConfig, setup: int) -> MeterEntry:
    implementation = SECURITY_SETUP_VERSIONS[config.security_setup_version]
    name = well_known.security_setup(setup)

    def for_caller(interior: Interior, caller: Caller) -> ServerObject:
        return implementation(
            name,
            interior.units,
            setup,
            server_system_title=interior.config.system_title,
            client_system_title=caller.association.client_system_title or interior.config.client_system_title,
        )

    return MeterEntry(
        interface=implementation.interface,
        logical_name=name,
        rights=_managed(implementation),
        for_caller=for_caller,
    )


def clock(config: MeterConfig) -> Iterator[MeterEntry]:  # noqa: ARG001 (the same for all)
    """The clock, its zone and its daylight saving."""
    yield MeterEntry(
        interface=Clock,
        logical_name=well_known.CLOCK,
        rights={MANAGEMENT: full_rights(ClockObject), READING: reading_rights(Clock)},
        make=lambda interior: ClockObject(well_known.CLOCK, interior.units.clock, interior.units.log_event),
    )


def image_transfer(config: MeterConfig) -> Iterator[MeterEntry]:  # noqa: ARG001 (the same for all)
    """The image transfer object, and what activates an image by schedule or script."""
    # An initiation by whoever has the key of a group would throw away what all its meters have received.
    blocks_only = Rights(methods=frozenset({ImageTransfer.image_block_transfer.method_id}))
    yield MeterEntry(
        interface=ImageTransfer,
        logical_name=well_known.IMAGE_TRANSFER,
        rights={**_managed(ImageStore), PRE_ESTABLISHED: blocks_only},
        make=lambda interior: interior.units.firmware.image_store,
        gate=_admits,
    )
    yield MeterEntry(
        interface=ActivationScheduler.interface,
        logical_name=well_known.IMAGE_TRANSFER_ACTIVATION_SCHEDULER,
        rights=_managed(ActivationScheduler),
        make=lambda interior: ActivationScheduler(
            well_known.IMAGE_TRANSFER_ACTIVATION_SCHEDULER, interior.units.firmware
        ),
    )
    yield MeterEntry(
        interface=ActivationScripts.interface,
        logical_name=well_known.IMAGE_ACTIVATION_SCRIPT_TABLE,
        rights=_managed(ActivationScripts),
        make=lambda interior: ActivationScripts(
            well_known.IMAGE_ACTIVATION_SCRIPT_TABLE, interior.units.firmware
        ),
        gate=_admits,
    )


def firmware_identifiers(config: MeterConfig) -> Iterator[MeterEntry]:
    """Identifiers, signature and version of each firmware part."""
    for part in range(config.part_count):
        yield from _firmware_part(part)


def device_ids(config: MeterConfig) -> Iterator[MeterEntry]:  # noqa: ARG001 (the same for all)
    """The number that the meter has at its utility."""
    yield _octets(
        UTILITY_DEVICE_ID,
        lambda config: utility_device_id(config.logical_device_name, config.year_of_manufacture),
    )


def alarm_register(config: MeterConfig) -> Iterator[MeterEntry]:  # noqa: ARG001 (the same for all)
    """The alarms; those of the firmware stand as long as it is damaged. Writing clears bits."""

    def make(interior: Interior) -> ServerObject:
        firmware, alarms = interior.units.firmware, interior.units.plant.alarms

        def register() -> int:
            return alarms.register | (PROGRAM_MEMORY_ALARM if firmware.damaged_parts else 0)

        return MeterData(ALARM_REGISTER, Tag.DOUBLE_LONG_UNSIGNED, register, alarms.clear)

    yield MeterEntry(
        interface=MeterData.interface, logical_name=ALARM_REGISTER, rights=_managed(MeterData), make=make
    )


FAMILIES: Final[Mapping[str, Family]] = {
    "identity": identity,
    "device-ids": device_ids,
    "invocation-counters": invocation_counters,
    "associations": association_entries,
    "security-setups": security_setups,
    "consumer-security-setup": consumer_security_setup,
    "clock": clock,
    "image-transfer": image_transfer,
    "firmware-identifiers": firmware_identifiers,
    **{name: log_family(description) for name, description in LOGS.items()},
    "alarm-register": alarm_register,
}
"""By the names that a model gives them."""


def recovery_entries(config: MeterConfig) -> Iterator[MeterEntry]:
    """What a meter with a damaged memory still has."""
    yield from identity(config)
    yield from association_entries(config)
    yield _for_everybody(
        DataObject.interface,
        ALARM_REGISTER,
        lambda _: number_object(ALARM_REGISTER, lambda: NV_MEMORY_ALARM),
    )


def _firmware_part(part: int) -> Iterator[MeterEntry]:
    def running(interior: Interior) -> Firmware:
        unit = interior.units.firmware
        if part in unit.damaged_parts:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT)
        return unit.running(part)

    def identifiers(interior: Interior) -> Data:
        running(interior)
        try:
            kept = interior.units.firmware.read_back(part)
        except OSError:
            raise CosemFault(DataAccessResult.HARDWARE_FAULT) from None
        ordered = reversed(kept) if interior.config.identifiers_order == "newest-first" else kept
        return Data(Tag.ARRAY, tuple(Data(Tag.OCTET_STRING, identifier) for identifier in ordered))

    def signature(interior: Interior) -> Data:
        return Data(Tag.OCTET_STRING, running(interior).signature)

    def version(interior: Interior) -> Data:
        return Data(Tag.OCTET_STRING, running(interior).version.encode())

    yield _value(well_known.active_firmware_identifier(part), identifiers)
    yield _value(well_known.active_firmware_signature(part), signature)
    yield _value(firmware_version_object(part), version)


def _value(name: LogicalName, value: Callable[[Interior], Data]) -> MeterEntry:
    return _read_only(DataObject.interface, name, lambda interior: DataObject(name, lambda: value(interior)))


def _octets(name: LogicalName, value: Callable[[MeterConfig], bytes]) -> MeterEntry:
    return _for_everybody(
        DataObject.interface, name, lambda interior: octets_object(name, lambda: value(interior.config))
    )


def _managed(implementation: type[ServerObject]) -> dict[int, Rights]:
    return {
        MANAGEMENT: full_rights(implementation),
        READING: reading_rights(implementation.interface),
    }


def _for_everybody(
    interface: type[InterfaceClass], name: LogicalName, make: Callable[[Interior], ServerObject]
) -> MeterEntry:
    rights = reading_rights(interface)
    known = {MANAGEMENT: rights, READING: rights, PUBLIC: rights}
    return MeterEntry(interface=interface, logical_name=name, rights=known, make=make)


def _read_only(
    interface: type[InterfaceClass], name: LogicalName, make: Callable[[Interior], ServerObject]
) -> MeterEntry:
    rights = reading_rights(interface)
    known = {MANAGEMENT: rights, READING: rights}
    return MeterEntry(interface=interface, logical_name=name, rights=known, make=make)


def _admits(interior: Interior, caller: Caller, method_id: int) -> bool:
    return interior.ownership.admits(caller, method_id)
