"""A meter model: what all meters of a type have in common, as values without behaviour.

Who the clients are, which objects there are, what stands in them and who may do what with them. A model is
read from a file (``model_files.py``) or made by a program; meters share it and never change it. What objects
do stands elsewhere: the built-in families in ``builtin_objects.py``, live objects in ``live/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.server import ServerObject
from dlms_fw.enums import AuthenticationMechanism
from dlms_fw.errors import ConfigurationError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import Rights
from dlms_fw.meter.stored_object import encoded_values

Role: TypeAlias = Literal["public", "management", "reading", "pre-established"]
"""What a client is to the built-in objects: their rights are told for these four.

``public`` proves nothing and is never protected; ``management`` and ``reading`` prove themselves as the
configuration of the meter says; ``pre-established`` has its association without asking for it, under the
broadcast key.
"""
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDescription:
    """One client that the meters of a model know.

    Attributes:
        name: What the model calls it.
        sap: Its address.
        role: What it is to the built-in objects.
        mechanism: How it proves itself, where that is not what the configuration says for the clients of the
            meter: a reading client may come with a password where the management client needs a key.
    """

    name: str
    sap: int
    role: Role
    mechanism: AuthenticationMechanism | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class ObjectDescription:
    """One object of a model.

    Attributes:
        interface: Its interface class.
        logical_name: Its instance id.
        values: Values of its attributes by the names of their rows; absent ones are the natural zero.
        rights: Of each client by SAP; a client that is not in it does not see the object.
        make: Makes the object; it is given the interior of the meter (``interior.Interior``). Without it the
            object is a live one where its class does something, else it keeps its values.
        octets: The values as they are sent, by attribute_id: made of ``values`` where it is not given, and
            served as they are where it is, whatever their types.

    Raises:
        ConfigurationError: A value does not fit the type of its attribute, or there is no such attribute.
    """

    interface: type[InterfaceClass]
    logical_name: LogicalName
    values: Mapping[str, Any] = field(default_factory=dict)
    rights: Mapping[int, Rights] = field(default_factory=dict)
    make: Callable[[Any], ServerObject] | None = None
    octets: Mapping[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.octets:
            return
        try:
            object.__setattr__(self, "octets", encoded_values(self.interface, self.values))
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise ConfigurationError(f"{self.interface.__name__} {self.logical_name}: {error}") from None

    @property
    def key(self) -> tuple[int, bytes]:
        """What a request names it by."""
        return self.interface.class_id, self.logical_name.to_bytes()


@dataclass(frozen=True, eq=False, kw_only=True)
class MeterModel:
    """A type of meter.

    Attributes:
        name: What it is called on the command line.
        title: One line for people.
        settings: Fields of :class:`~dlms_fw.meter.configuration.MeterConfig` that meters of this type have.
        clients: Who may speak with it.
        families: The built-in objects it has, by the names of
            :data:`~dlms_fw.meter.builtin_objects.FAMILIES`.
        objects: All others. One with the class and logical name of a built-in object takes its place; without
            values and ``make`` it only gives it other rights.

    Raises:
        ConfigurationError: Two clients have the same SAP, or two objects the same name.
    """

    name: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    clients: tuple[ClientDescription, ...] = ()
    families: tuple[str, ...] = ()
    objects: tuple[ObjectDescription, ...] = field(default=(), repr=False)
    derived: dict[object, Any] = field(default_factory=dict, init=False, repr=False)
    """What was made of it once for all meters: settings and object tables, by what they depend on."""

    def __post_init__(self) -> None:
        if twice := _twice(client.sap for client in self.clients):
            raise ConfigurationError(f"{self.name}: two clients with SAP {twice}")
        if twice := _twice(description.key for description in self.objects):
            raise ConfigurationError(
                f"{self.name}: class_id {twice[0]}, {LogicalName(twice[1])} stands twice"
            )

    def saps(self, *roles: Role) -> tuple[int, ...]:
        """The addresses of the clients with one of these roles."""
        saps: tuple[int, ...] | None = self.derived.get(roles)
        if saps is None:
            saps = tuple(client.sap for client in self.clients if client.role in roles)
            self.derived[roles] = saps
        return saps


def _twice(keys: Iterable[Any]) -> Any:
    """The first that is there before, or ``None``."""
    seen: set[Any] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None
