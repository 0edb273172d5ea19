"""The small objects of a meter: values, its logical devices, its security setup and the current association.

Each is an interface class over a value that somebody else keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlms_fw._core import Data as DataValue
from dlms_fw.axdr import Tag
from dlms_fw.cosem.association import (
    AssociatedPartnersId,
    AssociationLN,
    ContextName,
    MechanismName,
    ObjectListElement,
    XdlmsContextInfo,
)
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.sap_assignment import SapAssignment, SapAssignmentElement
from dlms_fw.cosem.security_setup import KeyTransferData, SecuritySetupV0
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, AssociationStatus, Conformance, SecurityPolicyV0, SecuritySuite
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.session.server import Association, State

_DENIED: Final = ActionResult.READ_WRITE_DENIED


class DataObject(ServerObject, interface=Data):
    """A value that is asked for each time it is read."""

    def __init__(self, instance_id: LogicalNameLike, value: Callable[[], DataValue]) -> None:
        super().__init__(instance_id)
        self._value = value

    @property
    def value(self) -> DataValue:
        """As it is now."""
        return self._value()


def octets_object(instance_id: LogicalNameLike, value: Callable[[], bytes]) -> DataObject:
    """A Data object with an octet-string."""
    return DataObject(instance_id, lambda: DataValue(Tag.OCTET_STRING, value()))


def number_object(
    instance_id: LogicalNameLike, value: Callable[[], int], tag: Tag = Tag.DOUBLE_LONG_UNSIGNED
) -> DataObject:
    """A Data object with a number."""
    return DataObject(instance_id, lambda: DataValue(tag, value()))


class SapAssignmentObject(ServerObject, interface=SapAssignment):
    """The one logical device."""

    def __init__(self, instance_id: LogicalNameLike, config: MeterConfig) -> None:
        super().__init__(instance_id)
        self._config = config

    @property
    def sap_assignment_list(self) -> list[SapAssignmentElement]:
        """Its SAP and its name."""
        return [SapAssignmentElement(self._config.server_sap, self._config.logical_device_name)]

    def connect_logical_device(self, sap: int, logical_device_name: bytes) -> None:  # noqa: ARG002
        """The assignment is fixed."""
        raise CosemFault(_DENIED)


class SecuritySetupObject(ServerObject, interface=SecuritySetupV0):
    """What protects the management and reading clients; it cannot be changed over the wire."""

    def __init__(self, instance_id: LogicalNameLike, config: MeterConfig) -> None:
        super().__init__(instance_id)
        self._config = config

    @property
    def security_policy(self) -> SecurityPolicyV0:
        """The least protection."""
        return SecurityPolicyV0(self._config.security_policy >> 4)

    @property
    def security_suite(self) -> SecuritySuite:
        """The suite of the keys."""
        return SecuritySuite(self._config.security_suite)

    @property
    def client_system_title(self) -> bytes:
        """The only client title accepted, or none."""
        return self._config.client_system_title or b""

    @property
    def server_system_title(self) -> bytes:
        """The meter's own."""
        return self._config.system_title

    def security_activate(self, security_policy: SecurityPolicyV0) -> None:  # noqa: ARG002
        """The policy is part of the meter's configuration."""
        raise CosemFault(_DENIED)

    def global_key_transfer(self, data: list[KeyTransferData]) -> None:  # noqa: ARG002
        """The keys are part of the meter's configuration."""
        raise CosemFault(_DENIED)


class CurrentAssociation(ServerObject, interface=AssociationLN):
    """The association of the one who asks."""

    def __init__(
        self,
        instance_id: LogicalNameLike,
        association: Association,
        *,
        config: MeterConfig,
        security_setup: LogicalName,
        object_list: Callable[[], list[ObjectListElement]],
    ) -> None:
        super().__init__(instance_id)
        self._association = association
        self._config = config
        self._security_setup = security_setup
        self._object_list = object_list

    @property
    def object_list(self) -> list[ObjectListElement]:
        """The objects that this client sees, with its rights."""
        return self._object_list()

    @property
    def associated_partners_id(self) -> AssociatedPartnersId:
        """The two addresses."""
        return AssociatedPartnersId(self._association.client_sap, self._config.server_sap)

    @property
    def application_context_name(self) -> ContextName:
        """With or without ciphering."""
        return ContextName(context_id_element=self._association.application_context)

    @property
    def xdlms_context_info(self) -> XdlmsContextInfo:
        """What was negotiated."""
        association = self._association
        return XdlmsContextInfo(
            Conformance(association.conformance),
            association.server_max_receive_pdu_size,
            association.client_max_receive_pdu_size,
            6,
            0,
            b"",
        )

    @property
    def authentication_mechanism_name(self) -> MechanismName:
        """How the client has proved itself."""
        return MechanismName(mechanism_id_element=self._association.mechanism)

    @property
    def secret(self) -> bytes:
        """Never shown; the rights do not even let it be asked for."""
        return b""

    @property
    def association_status(self) -> AssociationStatus:
        """Associated, or it could not be read."""
        is_associated = self._association.state is State.ASSOCIATED
        return AssociationStatus.ASSOCIATED if is_associated else AssociationStatus.ASSOCIATION_PENDING

    @property
    def security_setup_reference(self) -> LogicalName:
        """The security setup object that holds for it."""
        return self._security_setup

    def reply_to_hls_authentication(self, data: bytes) -> bytes:  # noqa: ARG002
        """Belongs to the session, which takes it while it authenticates; here it comes too late."""
        raise CosemFault(ActionResult.OTHER_REASON)

    def change_hls_secret(self, data: bytes) -> None:  # noqa: ARG002
        """Secrets are part of the meter's configuration."""
        raise CosemFault(_DENIED)

    def add_object(self, data: ObjectListElement) -> None:  # noqa: ARG002
        """The objects are fixed."""
        raise CosemFault(_DENIED)

    def remove_object(self, data: ObjectListElement) -> None:  # noqa: ARG002
        """The objects are fixed."""
        raise CosemFault(_DENIED)
