"""What has been changed about keys, certificates and associations since the meter left the factory.

One record, replaced as a whole: a power cut finds the old or the new value of all of it, never half a key.
What was never changed is not in it; there the configuration holds. Secrets are in this record because they
must be somewhere; a copy that is overwritten is erased first, and nothing else of the meter shows them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from dlms_fw._core import Key
from dlms_fw.cosem.association import User
from dlms_fw.enums import CertificateType, KeyId, SecurityPolicyV1
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import Rights
from dlms_fw.meter.storage import Json, Records

ObjectName: TypeAlias = tuple[int, LogicalName]
"""A class_id and a logical name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupState:
    """What one security setup object has been told."""

    policy: SecurityPolicyV1 | None = None
    """As activated last, or ``None`` while that of the configuration holds."""
    keys: Mapping[KeyId, Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityState:
    """All of it in one piece.

    Attributes:
        setups: By the number of the security setup object.
        key_pairs: The scalars of the meter's own private keys in use.
        new_key_pairs: The same of those that wait for their certificate.
        certificates: X.509 in DER, in the order in which they came.
        secrets: Passwords and HLS secrets, by client SAP.
        users: By client SAP; a client that is not in it has the users of the configuration.
        objects: What a client was shown or not shown since, by client SAP; ``None`` hides the object.
        locked: Clients that are locked out until the demand is reset, by SAP.
        announced: Whether the event log knows of the last change of keys.
    """

    setups: Mapping[int, SetupState] = field(default_factory=dict)
    key_pairs: Mapping[CertificateType, Key] = field(default_factory=dict)
    new_key_pairs: Mapping[CertificateType, Key] = field(default_factory=dict)
    certificates: tuple[bytes, ...] = ()
    secrets: Mapping[int, Key] = field(default_factory=dict)
    users: Mapping[int, tuple[User, ...]] = field(default_factory=dict)
    objects: Mapping[int, Mapping[ObjectName, Rights | None]] = field(default_factory=dict)
    locked: frozenset[int] = frozenset()
    announced: bool = True


_UNTOUCHED: Final = SecurityState()


class SecurityMemory:
    """The state in memory and in its record, never different: :meth:`commit` is durable when it returns."""

    RECORD: Final = "security"

    def __init__(self, records: Records | None) -> None:
        """A meter that was never told anything has no record; without records it cannot be told anything.

        Raises RecordLost.
        """
        self._records = records
        value = None if records is None else records.load(self.RECORD)
        self.state = _UNTOUCHED if value is None else _from_json(value)

    @property
    def is_untouched(self) -> bool:
        """Whether everything is as the meter left the factory."""
        return self.state is _UNTOUCHED

    def commit(self, **changes: Any) -> None:
        """Changes some fields at once. Raises OSError, and then nothing has changed."""
        if self._records is None:
            raise OSError("there is no memory to keep it in")
        new = replace(self.state, **changes)
        value = _to_json(new)
        self._records.store(self.RECORD, value, wipe=True)
        self.state = new
        # The other copy too: it would show what was replaced, and bring it back if this one were lost.
        with contextlib.suppress(OSError):
            self._records.store(self.RECORD, value, wipe=True)


def _to_json(state: SecurityState) -> Json:
    return {
        "setups": {
            str(number): {
                "policy": None if setup.policy is None else int(setup.policy),
                "keys": {str(int(key_id)): key.expose().hex() for key_id, key in setup.keys.items()},
            }
            for number, setup in state.setups.items()
        },
        "key_pairs": _pairs_to_json(state.key_pairs),
        "new_key_pairs": _pairs_to_json(state.new_key_pairs),
        "certificates": [der.hex() for der in state.certificates],
        "secrets": {str(sap): key.expose().hex() for sap, key in state.secrets.items()},
        "users": {
            str(sap): [[user.user_id, user.user_name.hex()] for user in users]
            for sap, users in state.users.items()
        },
        "objects": {
            str(sap): [[*_name_to_json(name), _rights_to_json(rights)] for name, rights in objects.items()]
            for sap, objects in state.objects.items()
        },
        "locked": sorted(state.locked),
        "announced": state.announced,
    }


def _from_json(value: Json) -> SecurityState:
    return SecurityState(
        setups={
            int(number): SetupState(
                policy=None if setup["policy"] is None else SecurityPolicyV1(setup["policy"]),
                keys={KeyId(int(key_id)): _key(octets) for key_id, octets in setup["keys"].items()},
            )
            for number, setup in value["setups"].items()
        },
        key_pairs=_pairs_from_json(value["key_pairs"]),
        new_key_pairs=_pairs_from_json(value["new_key_pairs"]),
        certificates=tuple(map(bytes.fromhex, value["certificates"])),
        secrets={int(sap): _key(octets) for sap, octets in value["secrets"].items()},
        users={
            int(sap): tuple(User(user_id, bytes.fromhex(name)) for user_id, name in users)
            for sap, users in value["users"].items()
        },
        objects={
            int(sap): {
                (class_id, LogicalName(bytes.fromhex(name))): _rights_from_json(rights)
                for class_id, name, rights in objects
            }
            for sap, objects in value["objects"].items()
        },
        locked=frozenset(value.get("locked", ())),
        announced=value["announced"],
    )


def _pairs_to_json(pairs: Mapping[CertificateType, Key]) -> Json:
    return {str(int(kind)): key.expose().hex() for kind, key in pairs.items()}


def _pairs_from_json(value: Json) -> dict[CertificateType, Key]:
    return {CertificateType(int(kind)): _key(octets) for kind, octets in value.items()}


def _key(octets: str) -> Key:
    return Key(bytes.fromhex(octets))


def _name_to_json(name: ObjectName) -> tuple[int, str]:
    return name[0], name[1].to_bytes().hex()


def _rights_to_json(rights: Rights | None) -> Json | None:
    if rights is None:
        return None
    return {
        "readable": sorted(rights.readable),
        "writable": sorted(rights.writable),
        "methods": sorted(rights.methods),
        "attribute_protection": [[n, int(flags)] for n, flags in rights.attribute_protection.items()],
        "method_protection": [[n, int(flags)] for n, flags in rights.method_protection.items()],
        "selectors": [[n, list(selectors)] for n, selectors in rights.selectors.items()],
    }


def _rights_from_json(value: Json | None) -> Rights | None:
    if value is None:
        return None
    return Rights(
        frozenset(value["readable"]),
        frozenset(value["writable"]),
        frozenset(value["methods"]),
        {n: SecurityPolicyV1(flags) for n, flags in value["attribute_protection"]},
        {n: SecurityPolicyV1(flags) for n, flags in value["method_protection"]},
        {n: tuple(selectors) for n, selectors in value["selectors"]},
    )
