"""The COSEM interface classes, typed. Re-exports only.

Of a class with several versions, the name without a suffix is version 1.
"""

from __future__ import annotations

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

__all__ = [
    "AccessDescription",
    "AccessRight",
    "ActionSpecification",
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
    "CaptureObjectDefinition",
    "CaptureObjectDefinitionV0",
    "CertificateIdentification",
    "CertificateIdentificationByEntity",
    "CertificateIdentificationBySerial",
    "CertificateInfo",
    "Clock",
    "ContextName",
    "CosemFault",
    "Data",
    "EntryDescriptor",
    "ExecutedScript",
    "ExecutionTime",
    "ImageToActivateInfo",
    "ImageTransfer",
    "InterfaceClass",
    "KeyAgreementData",
    "KeyTransferData",
    "MechanismName",
    "MethodAccessItem",
    "MethodCall",
    "MethodRef",
    "MethodRow",
    "ObjectIdentification",
    "ObjectListElement",
    "ProfileGeneric",
    "ProfileGenericV0",
    "RangeDescriptor",
    "SapAssignment",
    "SapAssignmentElement",
    "Script",
    "ScriptTable",
    "SecuritySetup",
    "SecuritySetupV0",
    "Selection",
    "ServerObject",
    "ShortNameAccess",
    "ShortNameObject",
    "SingleActionSchedule",
    "User",
    "XdlmsContextInfo",
    "attribute",
    "method",
]
