"""What can be changed about the associations of a meter over the wire: objects shown, secrets and users.

Each change belongs to the client whose association it is, and is kept in the security memory. Nobody gains
more by it than the model of the meter gives to some client, and nobody can hide from itself what it needs to
find its way back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dlms_fw._core import Key
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import ObjectListElement, User
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult
from dlms_fw.meter.access import Rights, protected_like, rights_from
from dlms_fw.meter.objects import ObjectDictionary
from dlms_fw.meter.security_memory import ObjectName, SecurityMemory

SECRET_LENGTHS: Final = range(1, 65)
"""Octets of a password or an HLS secret."""
_ASSOCIATIONS: Final = frozenset({12, 15})
_DENIED: Final = ActionResult.READ_WRITE_DENIED


class ClientCare:
    """The changes of all clients.

    Args:
        memory: Where they are kept.
        dictionary: The objects of the logical device; asked for when it is needed.
        needs_secret: Whether clients prove themselves with a password or a secret.
        users: The users of the configuration.
        on_change: Called after a change of a secret or of users.
    """

    def __init__(
        self,
        memory: SecurityMemory,
        dictionary: Callable[[], ObjectDictionary[Any]],
        *,
        needs_secret: bool = False,
        users: tuple[User, ...] = (),
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._memory = memory
        self._dictionary = dictionary
        self._needs_secret = needs_secret
        self._users = users
        self._on_change = on_change

    def power_up(self) -> None:
        """Brings the object lists to where they were."""
        for client_sap, objects in self._memory.state.objects.items():
            for name, rights in objects.items():
                self._dictionary().set_rights(client_sap, name, rights)

    def object_list(self, client_sap: int, association_version: int) -> list[ObjectListElement]:
        """What a client sees."""
        return self._dictionary().object_list(client_sap, association_version)

    def add_object(self, client_sap: int, element: ObjectListElement) -> None:
        """Shows an object, with rights that some client of the model has and no less protection."""
        name, most = self._object(element)
        rights = rights_from(element.access_rights)
        if not (
            rights.readable <= most.readable
            and rights.writable <= most.writable
            and rights.methods <= most.methods
        ):
            raise CosemFault(_DENIED)
        self._keep(client_sap, name, protected_like(rights, most))

    def remove_object(self, client_sap: int, element: ObjectListElement) -> None:
        """Hides an object. What tells who the meter and the association are stays."""
        name, _ = self._object(element)
        class_id, logical_name = name
        if class_id in _ASSOCIATIONS or logical_name == well_known.LOGICAL_DEVICE_NAME:
            raise CosemFault(_DENIED)
        if not self._dictionary().sees(client_sap, name):
            raise CosemFault(ActionResult.OBJECT_UNDEFINED)
        self._keep(client_sap, name, None)

    def change_secret(self, client_sap: int, secret: bytes) -> None:
        """Replaces a password or an HLS secret; the association goes on, the next one needs the new one."""
        if not self._needs_secret or len(secret) not in SECRET_LENGTHS:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._memory.commit(secrets={**self._memory.state.secrets, client_sap: Key(secret)})
        self._on_change()

    def user_list(self, client_sap: int) -> list[User]:
        """The users of a client."""
        return list(self._memory.state.users.get(client_sap, self._users))

    def add_user(self, client_sap: int, user: User) -> None:
        """Adds a user, or gives a user another name."""
        others = [other for other in self.user_list(client_sap) if other.user_id != user.user_id]
        self._keep_users(client_sap, (*others, user))

    def remove_user(self, client_sap: int, user: User) -> None:
        """Takes the user with this id away."""
        users = self.user_list(client_sap)
        left = tuple(other for other in users if other.user_id != user.user_id)
        if len(left) == len(users):
            raise CosemFault(ActionResult.OTHER_REASON)
        self._keep_users(client_sap, left)

    def _object(self, element: ObjectListElement) -> tuple[ObjectName, Rights]:
        name = element.class_id, element.logical_name
        version, most = self._dictionary().known(name)
        if version != element.version:
            raise CosemFault(ActionResult.OBJECT_CLASS_INCONSISTENT)
        return name, most

    def _keep(self, client_sap: int, name: ObjectName, rights: Rights | None) -> None:
        objects = self._memory.state.objects
        changed = {**objects.get(client_sap, {}), name: rights}
        self._memory.commit(objects={**objects, client_sap: changed})
        self._dictionary().set_rights(client_sap, name, rights)

    def _keep_users(self, client_sap: int, users: tuple[User, ...]) -> None:
        self._memory.commit(users={**self._memory.state.users, client_sap: users})
        self._on_change()
