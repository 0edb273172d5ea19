"""Changes keys and policies of a meter under test, and puts the keys back that it had."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dlms_fw._core import Key
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import action, action_result, get, length, name_of, value_in
from dlms_fw.conformance.wire.association import Attempt, HandMade
from dlms_fw.cosem.security_setup import SecuritySetup
from dlms_fw.enums import KeyId
from dlms_fw.key_management import with_keys
from dlms_fw.profiles import Profile
from dlms_fw.security import key_length

_ACTIVATE: Final = SecuritySetup.security_activate.method_id
_TRANSFER: Final = SecuritySetup.key_transfer.method_id


class Keyring:
    """The keys of the management client while a case changes them.

    Attributes:
        old: Those that the meter had.
        now: Those that it has.
        association: The one in which changes are asked for.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.old = self.now = site.declaration.profile("management")
        self._setup = site.declaration.security_policy
        self.association = site.associate()
        site.put_back("the keys", self._put_back)

    @property
    def master_key(self) -> Key:
        """The master key. Raises Inapplicable where it was not declared."""
        key = self.old.keys.master_key
        if key is None:
            raise Inapplicable("the master key was not declared")
        return key

    def new_key(self) -> Key:
        """A key that nobody has had."""
        return Key(os.urandom(key_length(self.old.security_suite)))

    def wrapped(self, keys: Mapping[KeyId, Key], master_key: Key | None = None) -> list[tuple[int, bytes]]:
        """Keys on their way to the meter."""
        return [(int(key_id), key.wrap(master_key or self.master_key)) for key_id, key in keys.items()]

    def ask(self, items: Sequence[tuple[int, bytes]]) -> bytes | None:
        """Call key_transfer (method 2 in both versions); the plain answer."""
        rows = b"".join(
            b"\x02\x02\x16" + bytes((number,)) + b"\x09" + length(len(octets)) + octets
            for number, octets in items
        )
        parameter = b"\x01" + length(len(items)) + rows
        return self.association.request(action(self._setup, _TRANSFER, parameter))

    def change(self, keys: Mapping[KeyId, Key]) -> None:
        """Replace keys. Raises Failed where the meter does not."""
        answer = self.ask(self.wrapped(keys))
        expect(action_result(answer) == 0, "success to key_transfer", name_of(answer))
        self.now = with_keys(self.now, keys)

    def attempt(self, profile: Profile, **changes: Any) -> Attempt:
        """Ask for an association under some keys, whose counters begin anew where nobody has used them."""
        return self.site.attempt(keys=profile.keys, first_invocation_counter=1, **changes)

    def works(self, profile: Profile, what: str) -> HandMade:
        """An association under some keys. Raises Failed where there is none."""
        made = self.attempt(profile)
        expect(made.association is not None, f"an association under {what}", made.error or made)
        assert made.association is not None  # noqa: S101 - looked at above
        value_in(made.association.request(get(self.site.declaration.readable)))
        self.association = made.association
        return made.association

    def is_refused(self, profile: Profile, what: str) -> None:
        """Raises Failed where there is an association under some keys."""
        made = self.attempt(profile)
        self.site.step(f"{what}: {made}")
        expect(made.association is None, f"no association under {what}", made)

    def is_unchanged(self, what: str) -> None:
        """Raises Failed where the keys are others than before."""
        made = self.attempt(self.now)
        expect(made.association is not None, f"the keys unchanged after {what}", made.error or made)
        assert made.association is not None  # noqa: S101 - looked at above
        self.association = made.association

    def activate(self, association: HandMade, policy: int) -> bytes | None:
        """Call security_activate; the plain answer."""
        return association.request(action(self._setup, _ACTIVATE, b"\x16" + bytes((policy,))))

    def policy(self, association: HandMade) -> int:
        """The security policy as the meter tells it."""
        return value_in(association.request(get(self._setup)))[1]

    def version(self) -> int:
        """The version of the security setup object."""
        with self.site.client() as client:
            found = client.objects(class_id=self._setup.class_id, logical_name=self._setup.logical_name)
        if not found:
            raise Inapplicable(f"the meter shows no security setup at {self._setup.logical_name}")
        return found[0].version

    def _put_back(self) -> None:
        if self.now == self.old:
            return
        made = self.attempt(self.now)
        if made.association is None:
            if self.attempt(self.old).association is not None:
                return
            raise Inconclusive("the meter answers neither under the new keys nor under the old ones")
        self.association = made.association
        old = {
            KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY: self.old.keys.global_unicast_encryption_key,
            KeyId.AUTHENTICATION_KEY: self.old.keys.authentication_key,
        }
        answer = self.ask(self.wrapped({key_id: key for key_id, key in old.items() if key is not None}))
        if action_result(answer) != 0:
            raise Inconclusive(f"the meter does not take its old keys back: {name_of(answer)}")
        self.now = self.old
