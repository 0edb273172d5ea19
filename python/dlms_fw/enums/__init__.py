"""The enumerations of the Green Book and the Blue Book, with their codes.

Values only: this package imports nothing of ours and decides nothing. A code that is not listed here is
never mapped to a neighbour; whoever decodes keeps it as the plain ``int`` that it is. Members stand in the
order of the standard.

Here are those that an upgrade meets. Those of the other interface classes are in a module for each family of
them, named as in ``dlms_fw.cosem``: ``dlms_fw.enums.control`` belongs to ``dlms_fw.cosem.control``.
"""

from __future__ import annotations

from dlms_fw.enums.objects import (
    AssociationStatus,
    AttributeAccessFlags,
    AttributeAccessMode,
    ClockBase,
    ClockStatus,
    ImageTransferStatus,
    MethodAccessFlags,
    MethodAccessMode,
    ScriptService,
    SingleActionScheduleType,
    SortMethod,
)
from dlms_fw.enums.security import (
    CertificateEntity,
    CertificateIdentificationType,
    CertificateType,
    KeyId,
    SecurityControl,
    SecurityPolicyV0,
    SecurityPolicyV1,
    SecuritySuite,
)
from dlms_fw.enums.services import (
    AcseServiceProviderDiagnostic,
    AcseServiceUserDiagnostic,
    ActionResult,
    ApplicationContext,
    AssociationResult,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
    InitiateError,
    ReleaseRequestReason,
    ReleaseResponseReason,
    ServiceErrorCode,
    StateError,
)

__all__ = [
    "AcseServiceProviderDiagnostic",
    "AcseServiceUserDiagnostic",
    "ActionResult",
    "ApplicationContext",
    "AssociationResult",
    "AssociationStatus",
    "AttributeAccessFlags",
    "AttributeAccessMode",
    "AuthenticationMechanism",
    "CertificateEntity",
    "CertificateIdentificationType",
    "CertificateType",
    "ClockBase",
    "ClockStatus",
    "Conformance",
    "DataAccessResult",
    "ImageTransferStatus",
    "InitiateError",
    "KeyId",
    "MethodAccessFlags",
    "MethodAccessMode",
    "ReleaseRequestReason",
    "ReleaseResponseReason",
    "ScriptService",
    "SecurityControl",
    "SecurityPolicyV0",
    "SecurityPolicyV1",
    "SecuritySuite",
    "ServiceErrorCode",
    "SingleActionScheduleType",
    "SortMethod",
    "StateError",
]
