"""Association LN in a meter, versions 0 to 3: the association of the one who asks.

What it shows is the session's and the object dictionary's; what can be changed over the wire is kept by an
:class:`AssociationCare`. Pass 3 of HLS never comes here: the session takes it while it authenticates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from dlms_fw.cosem.association import (
    AssociatedPartnersId,
    AssociationLN,
    AssociationLNV0,
    AssociationLNV2,
    AssociationLNV3,
    ContextName,
    MechanismName,
    ObjectListElement,
    User,
    XdlmsContextInfo,
)
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.server import CosemFault, ServerObject
from dlms_fw.enums import ActionResult, AssociationStatus, Conformance
from dlms_fw.logical_name import LogicalName, LogicalNameLike
from dlms_fw.session.server import Association, State

_DLMS_VERSION: Final = 6


class AssociationCare(Protocol):
    """What the associations of a meter need of the rest of it; each call names the client by its SAP."""

    def object_list(self, client_sap: int, association_version: int) -> list[ObjectListElement]:
        """What a client sees, with its rights in the form of that version."""

    def add_object(self, client_sap: int, element: ObjectListElement) -> None:
        """Shows an object to a client. Raises CosemFault."""

    def remove_object(self, client_sap: int, element: ObjectListElement) -> None:
        """Hides an object from a client. Raises CosemFault."""

    def change_secret(self, client_sap: int, secret: bytes) -> None:
        """Replaces the password or the HLS secret of a client. Raises CosemFault."""

    def user_list(self, client_sap: int) -> list[User]:
        """The users on the side of a client."""

    def add_user(self, client_sap: int, user: User) -> None:
        """Adds a user. Raises CosemFault."""

    def remove_user(self, client_sap: int, user: User) -> None:
        """Takes a user away. Raises CosemFault."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an association object shows that is not the association's own."""

    server_sap: int
    security_setup: LogicalName
    care: AssociationCare


class _AssociationRows:
    """The rows of all versions."""

    interface: ClassVar[type[InterfaceClass]]

    def __init__(
        self, instance_id: LogicalNameLike, association: Association, surroundings: Surroundings
    ) -> None:
        super().__init__(instance_id)  # type: ignore[call-arg]  # of ServerObject, which stands behind it
        self._association = association
        self._around = surroundings
        self._client_sap = association.client_sap

    @property
    def object_list(self) -> list[ObjectListElement]:
        """The objects that this client sees, with its rights."""
        return self._around.care.object_list(self._client_sap, self.interface.version)

    @property
    def associated_partners_id(self) -> AssociatedPartnersId:
        """The two addresses."""
        return AssociatedPartnersId(self._client_sap, self._around.server_sap)

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
            _DLMS_VERSION,
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

    @secret.setter
    def secret(self, secret: bytes) -> None:
        self._around.care.change_secret(self._client_sap, secret)

    @property
    def association_status(self) -> AssociationStatus:
        """Associated, or it could not be read."""
        is_associated = self._association.state is State.ASSOCIATED
        return AssociationStatus.ASSOCIATED if is_associated else AssociationStatus.ASSOCIATION_PENDING

    def reply_to_hls_authentication(self, data: bytes) -> bytes:  # noqa: ARG002
        """Belongs to the session, which takes it while it authenticates; here it comes too late."""
        raise CosemFault(ActionResult.OTHER_REASON)

    def change_hls_secret(self, data: bytes) -> None:
        """Replaces the shared secret; the next association is proved with the new one."""
        self._around.care.change_secret(self._client_sap, data)

    def add_object(self, data: ObjectListElement) -> None:
        """Shows this client an object of the logical device that it did not see, or gives it other rights."""
        self._around.care.add_object(self._client_sap, data)

    def remove_object(self, data: ObjectListElement) -> None:
        """Hides an object from this client."""
        self._around.care.remove_object(self._client_sap, data)


class _SecuredRows(_AssociationRows):
    """What came with version 1."""

    @property
    def security_setup_reference(self) -> LogicalName:
        """The security setup object that holds for it."""
        return self._around.security_setup


class _UserRows(_SecuredRows):
    """What came with version 2."""

    @property
    def user_list(self) -> list[User]:
        """The users of the client; an empty list lets everybody in."""
        return self._around.care.user_list(self._client_sap)

    @property
    def current_user(self) -> User:
        """Who is associated: user 0 without a name where the client has not said."""
        user_id = self._association.client_user_id or 0
        names = {user.user_id: user.user_name for user in self.user_list}
        return User(user_id, names.get(user_id, b""))

    def add_user(self, user_id: int, user_name: bytes) -> None:
        """From now on this user may associate."""
        self._around.care.add_user(self._client_sap, User(user_id, user_name))

    def remove_user(self, user_id: int, user_name: bytes) -> None:
        """From now on this user may not associate."""
        self._around.care.remove_user(self._client_sap, User(user_id, user_name))


class AssociationV0(_AssociationRows, ServerObject, interface=AssociationLNV0):
    """The current association, version 0."""


class AssociationV1(_SecuredRows, ServerObject, interface=AssociationLN):
    """The current association, version 1."""


class AssociationV2(_UserRows, ServerObject, interface=AssociationLNV2):
    """The current association, version 2."""


class AssociationV3(_UserRows, ServerObject, interface=AssociationLNV3):
    """The current association, version 3."""


ASSOCIATION_VERSIONS: Final = (AssociationV0, AssociationV1, AssociationV2, AssociationV3)
"""The implementations by version."""
