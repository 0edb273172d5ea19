"""All interface classes of the library: where each is declared, and the look-up by class_id and version.

Families are imported when they are first asked for. Who declares a class of a manufacturer finds it here as
well, for it is in the same registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, cast

from dlms_fw.axdr import any_data
from dlms_fw.cosem.interface import InterfaceClass, MethodRow, attribute
from dlms_fw.errors import UnknownInterfaceClass

__all__ = [
    "HOMES",
    "find_interface_class",
    "interface_class",
    "interface_classes",
    "known_versions",
    "raw_interface_class",
]

FAMILIES: Final[Mapping[str, Mapping[str, tuple[int, int]]]] = {
    "association": {
        "AssociationLNV0": (15, 0),
        "AssociationLN": (15, 1),
        "AssociationLNV2": (15, 2),
        "AssociationLNV3": (15, 3),
    },
    "association_sn": {
        "AssociationSNV0": (12, 0),
        "AssociationSN": (12, 1),
        "AssociationSNV2": (12, 2),
        "AssociationSNV3": (12, 3),
        "AssociationSNV4": (12, 4),
    },
    "clock": {
        "Clock": (8, 0),
    },
    "coap": {
        "CoapSetup": (152, 0),
        "CoapDiagnostic": (153, 0),
    },
    "control": {
        "RegisterMonitor": (21, 0),
        "Arbitrator": (68, 0),
        "DisconnectControl": (70, 0),
        "Limiter": (71, 0),
    },
    "data": {
        "Data": (1, 0),
    },
    "data_protection": {
        "DataProtection": (30, 0),
    },
    "data_sets": {
        "UtilityTables": (26, 0),
        "CompactDataV0": (62, 0),
        "CompactData": (62, 1),
        "FunctionControl": (122, 0),
        "ArrayManager": (123, 0),
    },
    "g3": {
        "G3MacLayerCounters": (90, 1),
        "G3MacSetupV0": (91, 0),
        "G3MacSetup": (91, 1),
        "G3MacSetupV2": (91, 2),
        "G3MacSetupV3": (91, 3),
        "G3AdaptationLayerSetupV0": (92, 0),
        "G3AdaptationLayerSetup": (92, 1),
        "G3AdaptationLayerSetupV2": (92, 2),
        "G3AdaptationLayerSetupV3": (92, 3),
    },
    "g3_hybrid": {
        "G3MacSetupV4": (91, 4),
        "G3AdaptationLayerSetupV4": (92, 4),
        "G3HybridMacLayerCounters": (160, 0),
        "G3HybridMacSetupV0": (161, 0),
        "G3HybridMacSetup": (161, 1),
        "G3HybridAdaptationLayerSetupV0": (162, 0),
        "G3HybridAdaptationLayerSetup": (162, 1),
    },
    "hs_plc": {
        "HsPlcMacSetup": (140, 0),
        "HsPlcCpasSetup": (141, 0),
        "HsPlcIpSsasSetup": (142, 0),
        "HsPlcHdlcSsasSetup": (143, 0),
    },
    "image_transfer": {
        "ImageTransfer": (18, 0),
    },
    "internet": {
        "TcpUdpSetup": (41, 0),
        "Ipv4Setup": (42, 0),
        "MacAddressSetup": (43, 0),
        "PppSetup": (44, 0),
        "SmtpSetup": (46, 0),
        "Ipv6Setup": (48, 0),
        "NtpSetup": (100, 0),
    },
    "iso14908": {
        "Iso14908Identification": (130, 0),
        "Iso14908ProtocolSetup": (131, 0),
        "Iso14908ProtocolStatusV0": (132, 0),
        "Iso14908ProtocolStatus": (132, 1),
        "Iso14908DiagnosticV0": (133, 0),
        "Iso14908Diagnostic": (133, 1),
    },
    "llc": {
        "LlcType1Setup": (57, 0),
        "LlcType2Setup": (58, 0),
        "LlcType3Setup": (59, 0),
    },
    "lpwan": {
        "SchcLpwanSetup": (126, 0),
        "SchcLpwanDiagnostic": (127, 0),
        "LoRaWanSetup": (128, 0),
        "LoRaWanDiagnostic": (129, 0),
    },
    "mbus": {
        "MBusSlavePortSetup": (25, 0),
        "MBusClientV0": (72, 0),
        "MBusClient": (72, 1),
        "WirelessModeQChannel": (73, 1),
        "MBusMasterPortSetup": (74, 0),
        "DlmsServerMBusPortSetup": (76, 0),
        "MBusDiagnostic": (77, 0),
    },
    "modems": {
        "ModemConfigurationV0": (27, 0),
        "ModemConfiguration": (27, 1),
        "AutoAnswerV0": (28, 0),
        "AutoAnswerV2": (28, 2),
        "AutoDial": (29, 0),
        "AutoConnect": (29, 1),
        "AutoConnectV2": (29, 2),
        "GprsModemSetup": (45, 0),
        "GsmDiagnosticV0": (47, 0),
        "GsmDiagnostic": (47, 1),
        "GsmDiagnosticV2": (47, 2),
        "LteMonitoringV0": (151, 0),
        "LteMonitoring": (151, 1),
    },
    "monitors": {
        "ParameterMonitorV0": (65, 0),
        "ParameterMonitor": (65, 1),
        "MeasurementDataMonitoring": (66, 0),
        "SensorManager": (67, 0),
    },
    "payment": {
        "Account": (111, 0),
        "Credit": (112, 0),
        "Charge": (113, 0),
        "TokenGateway": (115, 0),
        "Iec62055Attributes": (116, 0),
    },
    "ports": {
        "IecLocalPortSetupV0": (19, 0),
        "IecLocalPortSetup": (19, 1),
        "IecHdlcSetupV0": (23, 0),
        "IecHdlcSetup": (23, 1),
        "IecTwistedPairSetupV0": (24, 0),
        "IecTwistedPairSetup": (24, 1),
        "CommunicationPortProtection": (124, 0),
    },
    "prime": {
        "PrimeLlcSscsSetup": (80, 0),
        "PrimePhysicalLayerCounters": (81, 0),
        "PrimeMacSetup": (82, 0),
        "PrimeMacFunctionalParameters": (83, 0),
        "PrimeMacCounters": (84, 0),
        "PrimeMacNetworkAdministrationData": (85, 0),
        "PrimeApplicationIdentification": (86, 0),
    },
    "profile_generic": {
        "ProfileGenericV0": (7, 0),
        "ProfileGeneric": (7, 1),
    },
    "push_setup": {
        "PushSetupV0": (40, 0),
        "PushSetup": (40, 1),
        "PushSetupV2": (40, 2),
        "PushSetupV3": (40, 3),
    },
    "registers": {
        "Register": (3, 0),
        "ExtendedRegister": (4, 0),
        "DemandRegister": (5, 0),
        "RegisterActivation": (6, 0),
        "RegisterTable": (61, 0),
        "StatusMapping": (63, 0),
    },
    "sap_assignment": {
        "SapAssignment": (17, 0),
    },
    "script_table": {
        "ScriptTable": (9, 0),
    },
    "security_setup": {
        "SecuritySetupV0": (64, 0),
        "SecuritySetup": (64, 1),
    },
    "sfsk": {
        "SFskPhyMacSetupV0": (50, 0),
        "SFskPhyMacSetup": (50, 1),
        "SFskActiveInitiator": (51, 0),
        "SFskMacSynchronizationTimeouts": (52, 0),
        "SFskMacCounters": (53, 0),
        "Iec61334LlcSetupV0": (55, 0),
        "Iec61334LlcSetup": (55, 1),
        "SFskReportingSystemList": (56, 0),
    },
    "single_action_schedule": {
        "SingleActionSchedule": (22, 0),
    },
    "tariffs": {
        "Schedule": (10, 0),
        "SpecialDaysTable": (11, 0),
        "ActivityCalendar": (20, 0),
        "TariffPlan": (8192, 0),
    },
    "wisun": {
        "WiSunSetup": (95, 0),
        "WiSunDiagnostic": (96, 0),
        "RplDiagnostic": (97, 0),
        "MplDiagnostic": (98, 0),
    },
    "zigbee": {
        "ZigbeeSasStartup": (101, 0),
        "ZigbeeSasJoin": (102, 0),
        "ZigbeeSasApsFragmentation": (103, 0),
        "ZigbeeNetworkControl": (104, 0),
        "ZigbeeTunnelSetup": (105, 0),
    },
}
"""The classes of each module of this package, by their names: class_id and version."""

HOMES: Final[Mapping[str, str]] = MappingProxyType(
    {name: f"{__package__}.{module}" for module, classes in FAMILIES.items() for name in classes}
)
"""The module of each interface class, by its name."""

_MODULES: Final[Mapping[tuple[int, int], str]] = {
    pair: f"{__package__}.{module}" for module, classes in FAMILIES.items() for pair in classes.values()
}


def interface_class(class_id: int, version: int) -> type[InterfaceClass]:
    """The declared interface class, one of this library or one that was declared by a program.

    Raises:
        UnknownInterfaceClass: None is declared; :func:`raw_interface_class` makes one to work with.
    """
    found = find_interface_class(class_id, version)
    if found is None:
        raise UnknownInterfaceClass(class_id, version)
    return found


def find_interface_class(class_id: int, version: int) -> type[InterfaceClass] | None:
    """The declared interface class, or ``None`` where none is declared."""
    pair = class_id, version
    if pair not in InterfaceClass.registry and pair in _MODULES:
        import_module(_MODULES[pair])
    return InterfaceClass.registry.get(pair)


def known_versions(class_id: int) -> list[int]:
    """The versions in which an interface class is declared, ascending."""
    return sorted({version for known, version in (*_MODULES, *InterfaceClass.registry) if known == class_id})


def interface_classes() -> Mapping[tuple[int, int], type[InterfaceClass]]:
    """Every declared interface class by class_id and version, in that order."""
    for module in FAMILIES:
        import_module(f"{__package__}.{module}")
    return MappingProxyType(dict(sorted(InterfaceClass.registry.items())))


def raw_interface_class(
    class_id: int, version: int, attribute_ids: Iterable[int], method_ids: Iterable[int] = ()
) -> type[InterfaceClass]:
    """A class for objects of which only the ids are known, e.g. from an object list: any data in each place.

    Its rows are named ``attribute_2``, ``method_1``, and with a negative id ``attribute_minus_1``. It is not
    entered in the registry, and the same ids give the same class.

    Args:
        class_id: What requests carry; it may be declared as well.
        version: The version of the class.
        attribute_ids: The ids of the attributes; 1 may be among them.
        method_ids: The ids of the methods. Each takes one parameter of any type and gives back any data.
    """
    attributes = frozenset(attribute_ids) - {1}
    return _raw_interface_class(class_id, version, attributes, frozenset(method_ids))


@cache
def _raw_interface_class(
    class_id: int, version: int, attribute_ids: frozenset[int], method_ids: frozenset[int]
) -> type[InterfaceClass]:
    attributes = {_named("attribute", number): attribute(number, any_data) for number in attribute_ids}
    methods = {_named("method", number): _raw_method(number) for number in method_ids}
    body = {**attributes, **methods, "__doc__": "A class of which only the ids are known."}
    made = cast("type[InterfaceClass]", type(f"Raw{class_id}V{version}", (InterfaceClass,), body))
    made.class_id = class_id
    made.version = version
    made.confirmed = False
    return made


def _named(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number >= 0 else f"{kind}_minus_{-number}"


def _raw_method(number: int) -> MethodRow[..., Any]:
    def declaration(self: object, parameter: object) -> None:
        """Whatever it does."""

    declaration.__name__ = _named("method", number)
    return MethodRow(number, declaration, any_data, any_data)
