"""The COSEM interface classes, typed. Re-exports only.

Of a class with several versions, the name without a suffix is version 1. The classes that an upgrade meets
come with their structures; the others are imported when they are first used, and their structures are in the
module of each family, such as ``dlms_fw.cosem.registers``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dlms_fw.cosem.association import (
    AccessRight,
    AssociatedPartnersId,
    AssociationLN,
    AssociationLNV0,
    AssociationLNV2,
    AssociationLNV3,
    AttributeAccessItem,
    ContextName,
    MechanismName,
    MethodAccessItem,
    ObjectListElement,
    User,
    XdlmsContextInfo,
)
from dlms_fw.cosem.association_sn import (
    AccessDescription,
    AssociationSN,
    AssociationSNV0,
    AssociationSNV2,
    AssociationSNV3,
    AssociationSNV4,
    AttributeIdentification,
    ObjectIdentification,
    ShortNameAccess,
    ShortNameObject,
)
from dlms_fw.cosem.catalogue import (
    HOMES,
    find_interface_class,
    interface_class,
    interface_classes,
    known_versions,
    raw_interface_class,
)
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.image_transfer import ImageToActivateInfo, ImageTransfer
from dlms_fw.cosem.interface import (
    AttributeRef,
    AttributeRow,
    InterfaceClass,
    MethodCall,
    MethodRef,
    MethodRow,
    Selection,
    attribute,
    method,
)
from dlms_fw.cosem.profile_generic import (
    CaptureObjectDefinition,
    CaptureObjectDefinitionV0,
    EntryDescriptor,
    ProfileGeneric,
    ProfileGenericV0,
    RangeDescriptor,
)
from dlms_fw.cosem.sap_assignment import SapAssignment, SapAssignmentElement
from dlms_fw.cosem.script_table import ActionSpecification, Script, ScriptTable
from dlms_fw.cosem.security_setup import (
    CertificateIdentification,
    CertificateIdentificationByEntity,
    CertificateIdentificationBySerial,
    CertificateInfo,
    KeyAgreementData,
    KeyTransferData,
    SecuritySetup,
    SecuritySetupV0,
)
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime, SingleActionSchedule

if TYPE_CHECKING:
    from dlms_fw.cosem.coap import CoapDiagnostic, CoapSetup
    from dlms_fw.cosem.control import Arbitrator, DisconnectControl, Limiter, RegisterMonitor
    from dlms_fw.cosem.data_protection import DataProtection
    from dlms_fw.cosem.data_sets import (
        ArrayManager,
        CompactData,
        CompactDataV0,
        FunctionControl,
        UtilityTables,
    )
    from dlms_fw.cosem.g3 import (
        G3AdaptationLayerSetup,
        G3AdaptationLayerSetupV0,
        G3AdaptationLayerSetupV2,
        G3AdaptationLayerSetupV3,
        G3MacLayerCounters,
        G3MacSetup,
        G3MacSetupV0,
        G3MacSetupV2,
        G3MacSetupV3,
    )
    from dlms_fw.cosem.g3_hybrid import (
        G3AdaptationLayerSetupV4,
        G3HybridAdaptationLayerSetup,
        G3HybridAdaptationLayerSetupV0,
        G3HybridMacLayerCounters,
        G3HybridMacSetup,
        G3HybridMacSetupV0,
        G3MacSetupV4,
    )
    from dlms_fw.cosem.hs_plc import HsPlcCpasSetup, HsPlcHdlcSsasSetup, HsPlcIpSsasSetup, HsPlcMacSetup
    from dlms_fw.cosem.internet import (
        Ipv4Setup,
        Ipv6Setup,
        MacAddressSetup,
        NtpSetup,
        PppSetup,
        SmtpSetup,
        TcpUdpSetup,
    )
    from dlms_fw.cosem.iso14908 import (
        Iso14908Diagnostic,
        Iso14908DiagnosticV0,
        Iso14908Identification,
        Iso14908ProtocolSetup,
        Iso14908ProtocolStatus,
        Iso14908ProtocolStatusV0,
    )
    from dlms_fw.cosem.llc import LlcType1Setup, LlcType2Setup, LlcType3Setup
    from dlms_fw.cosem.lpwan import LoRaWanDiagnostic, LoRaWanSetup, SchcLpwanDiagnostic, SchcLpwanSetup
    from dlms_fw.cosem.mbus import (
        DlmsServerMBusPortSetup,
        MBusClient,
        MBusClientV0,
        MBusDiagnostic,
        MBusMasterPortSetup,
        MBusSlavePortSetup,
        WirelessModeQChannel,
    )
    from dlms_fw.cosem.modems import (
        AutoAnswerV0,
        AutoAnswerV2,
        AutoConnect,
        AutoConnectV2,
        AutoDial,
        GprsModemSetup,
        GsmDiagnostic,
        GsmDiagnosticV0,
        GsmDiagnosticV2,
        LteMonitoring,
        LteMonitoringV0,
        ModemConfiguration,
        ModemConfigurationV0,
    )
    from dlms_fw.cosem.monitors import (
        MeasurementDataMonitoring,
        ParameterMonitor,
        ParameterMonitorV0,
        SensorManager,
    )
    from dlms_fw.cosem.payment import Account, Charge, Credit, Iec62055Attributes, TokenGateway
    from dlms_fw.cosem.ports import (
        CommunicationPortProtection,
        IecHdlcSetup,
        IecHdlcSetupV0,
        IecLocalPortSetup,
        IecLocalPortSetupV0,
        IecTwistedPairSetup,
        IecTwistedPairSetupV0,
    )
    from dlms_fw.cosem.prime import (
        PrimeApplicationIdentification,
        PrimeLlcSscsSetup,
        PrimeMacCounters,
        PrimeMacFunctionalParameters,
        PrimeMacNetworkAdministrationData,
        PrimeMacSetup,
        PrimePhysicalLayerCounters,
    )
    from dlms_fw.cosem.push_setup import PushSetup, PushSetupV0, PushSetupV2, PushSetupV3
    from dlms_fw.cosem.registers import (
        DemandRegister,
        ExtendedRegister,
        Register,
        RegisterActivation,
        RegisterTable,
        StatusMapping,
    )
    from dlms_fw.cosem.sfsk import (
        Iec61334LlcSetup,
        Iec61334LlcSetupV0,
        SFskActiveInitiator,
        SFskMacCounters,
        SFskMacSynchronizationTimeouts,
        SFskPhyMacSetup,
        SFskPhyMacSetupV0,
        SFskReportingSystemList,
    )
    from dlms_fw.cosem.tariffs import ActivityCalendar, Schedule, SpecialDaysTable, TariffPlan
    from dlms_fw.cosem.wisun import MplDiagnostic, RplDiagnostic, WiSunDiagnostic, WiSunSetup
    from dlms_fw.cosem.zigbee import (
        ZigbeeNetworkControl,
        ZigbeeSasApsFragmentation,
        ZigbeeSasJoin,
        ZigbeeSasStartup,
        ZigbeeTunnelSetup,
    )

__all__ = [
    "AccessDescription",
    "AccessRight",
    "Account",
    "ActionSpecification",
    "ActivityCalendar",
    "Arbitrator",
    "ArrayManager",
    "AssociatedPartnersId",
    "AssociationLN",
    "AssociationLNV0",
    "AssociationLNV2",
    "AssociationLNV3",
    "AssociationSN",
    "AssociationSNV0",
    "AssociationSNV2",
    "AssociationSNV3",
    "AssociationSNV4",
    "AttributeAccessItem",
    "AttributeIdentification",
    "AttributeRef",
    "AttributeRow",
    "AutoAnswerV0",
    "AutoAnswerV2",
    "AutoConnect",
    "AutoConnectV2",
    "AutoDial",
    "CaptureObjectDefinition",
    "CaptureObjectDefinitionV0",
    "CertificateIdentification",
    "CertificateIdentificationByEntity",
    "CertificateIdentificationBySerial",
    "CertificateInfo",
    "Charge",
    "Clock",
    "CoapDiagnostic",
    "CoapSetup",
    "CommunicationPortProtection",
    "CompactData",
    "CompactDataV0",
    "ContextName",
    "CosemFault",
    "Credit",
    "Data",
    "DataProtection",
    "DemandRegister",
    "DisconnectControl",
    "DlmsServerMBusPortSetup",
    "EntryDescriptor",
    "ExecutedScript",
    "ExecutionTime",
    "ExtendedRegister",
    "FunctionControl",
    "G3AdaptationLayerSetup",
    "G3AdaptationLayerSetupV0",
    "G3AdaptationLayerSetupV2",
    "G3AdaptationLayerSetupV3",
    "G3AdaptationLayerSetupV4",
    "G3HybridAdaptationLayerSetup",
    "G3HybridAdaptationLayerSetupV0",
    "G3HybridMacLayerCounters",
    "G3HybridMacSetup",
    "G3HybridMacSetupV0",
    "G3MacLayerCounters",
    "G3MacSetup",
    "G3MacSetupV0",
    "G3MacSetupV2",
    "G3MacSetupV3",
    "G3MacSetupV4",
    "GprsModemSetup",
    "GsmDiagnostic",
    "GsmDiagnosticV0",
    "GsmDiagnosticV2",
    "HsPlcCpasSetup",
    "HsPlcHdlcSsasSetup",
    "HsPlcIpSsasSetup",
    "HsPlcMacSetup",
    "Iec61334LlcSetup",
    "Iec61334LlcSetupV0",
    "Iec62055Attributes",
    "IecHdlcSetup",
    "IecHdlcSetupV0",
    "IecLocalPortSetup",
    "IecLocalPortSetupV0",
    "IecTwistedPairSetup",
    "IecTwistedPairSetupV0",
    "ImageToActivateInfo",
    "ImageTransfer",
    "InterfaceClass",
    "Ipv4Setup",
    "Ipv6Setup",
    "Iso14908Diagnostic",
    "Iso14908DiagnosticV0",
    "Iso14908Identification",
    "Iso14908ProtocolSetup",
    "Iso14908ProtocolStatus",
    "Iso14908ProtocolStatusV0",
    "KeyAgreementData",
    "KeyTransferData",
    "Limiter",
    "LlcType1Setup",
    "LlcType2Setup",
    "LlcType3Setup",
    "LoRaWanDiagnostic",
    "LoRaWanSetup",
    "LteMonitoring",
    "LteMonitoringV0",
    "MBusClient",
    "MBusClientV0",
    "MBusDiagnostic",
    "MBusMasterPortSetup",
    "MBusSlavePortSetup",
    "MacAddressSetup",
    "MeasurementDataMonitoring",
    "MechanismName",
    "MethodAccessItem",
    "MethodCall",
    "MethodRef",
    "MethodRow",
    "ModemConfiguration",
    "ModemConfigurationV0",
    "MplDiagnostic",
    "NtpSetup",
    "ObjectIdentification",
    "ObjectListElement",
    "ParameterMonitor",
    "ParameterMonitorV0",
    "PppSetup",
    "PrimeApplicationIdentification",
    "PrimeLlcSscsSetup",
    "PrimeMacCounters",
    "PrimeMacFunctionalParameters",
    "PrimeMacNetworkAdministrationData",
    "PrimeMacSetup",
    "PrimePhysicalLayerCounters",
    "ProfileGeneric",
    "ProfileGenericV0",
    "PushSetup",
    "PushSetupV0",
    "PushSetupV2",
    "PushSetupV3",
    "RangeDescriptor",
    "Register",
    "RegisterActivation",
    "RegisterMonitor",
    "RegisterTable",
    "RplDiagnostic",
    "SFskActiveInitiator",
    "SFskMacCounters",
    "SFskMacSynchronizationTimeouts",
    "SFskPhyMacSetup",
    "SFskPhyMacSetupV0",
    "SFskReportingSystemList",
    "SapAssignment",
    "SapAssignmentElement",
    "SchcLpwanDiagnostic",
    "SchcLpwanSetup",
    "Schedule",
    "Script",
    "ScriptTable",
    "SecuritySetup",
    "SecuritySetupV0",
    "Selection",
    "SensorManager",
    "ServerObject",
    "ShortNameAccess",
    "ShortNameObject",
    "SingleActionSchedule",
    "SmtpSetup",
    "SpecialDaysTable",
    "StatusMapping",
    "TariffPlan",
    "TcpUdpSetup",
    "TokenGateway",
    "User",
    "UtilityTables",
    "WiSunDiagnostic",
    "WiSunSetup",
    "WirelessModeQChannel",
    "XdlmsContextInfo",
    "ZigbeeNetworkControl",
    "ZigbeeSasApsFragmentation",
    "ZigbeeSasJoin",
    "ZigbeeSasStartup",
    "ZigbeeTunnelSetup",
    "attribute",
    "find_interface_class",
    "interface_class",
    "interface_classes",
    "known_versions",
    "method",
    "raw_interface_class",
]

if not TYPE_CHECKING:  # or a type checker would believe in any name

    def __getattr__(name: str) -> object:
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
