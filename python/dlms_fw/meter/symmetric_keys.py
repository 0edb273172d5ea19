"""The security setups of a meter: policy and symmetric keys that hold now, and how they are replaced.

A change is durable before it is answered and holds from the next association on; associations that are open
go on under the keys they were opened with. The master key alone is used at once: by the next call. Several
keys in one call are all under the master key that held when it began, and are replaced all or none. The
invocation counters of a key belong to the key itself: those of a new one begin anew, and those of an old one
that comes back go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from dlms_fw._core import Key
from dlms_fw.cosem.security_setup import KeyTransferData
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import ActionResult, KeyId, SecurityPolicyV1
from dlms_fw.errors import SecurityError
from dlms_fw.meter.access import REQUEST, RESPONSE
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.event_log import FraudEvent, StandardEvent
from dlms_fw.meter.security_memory import SecurityMemory, SetupState
from dlms_fw.security import SIGNED, Keys, MessageProtection, SecurityPolicy, key_length

_REFUSED: Final = ActionResult.OTHER_REASON
_KEYS_IN_USE: Final = (KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY, KeyId.AUTHENTICATION_KEY)


class SymmetricKeys:
    """Policies and keys of all security setups, by their number.

    Args:
        memory: Where changes are kept.
        config: What holds where nothing was changed.
        log_event: Adds to the standard log.
        log_fraud: Adds to the fraud log.
    """

    def __init__(
        self,
        memory: SecurityMemory,
        config: MeterConfig,
        *,
        log_event: Callable[[int], None] = lambda _: None,
        log_fraud: Callable[[FraudEvent], None] = lambda _: None,
    ) -> None:
        self._memory = memory
        self._log_event = log_event
        self._log_fraud = log_fraud
        self.suite = config.security_suite
        self._factory_policy = policy_bits(config.security_policy, config.protection)
        factory = {
            KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY: config.global_unicast_encryption_key,
            KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY: config.global_broadcast_encryption_key,
            KeyId.AUTHENTICATION_KEY: config.authentication_key,
            KeyId.MASTER_KEY: config.master_key,
        }
        self._factory = {key_id: key for key_id, key in factory.items() if key is not None}
        self.on_change: Callable[[], None] = lambda: None
        """Called when the next association is to find something else."""
        self._announce()  # power may have gone between a change and its event

    def keys(self, setup: int) -> Mapping[KeyId, Key]:
        """The keys of a setup as they are now."""
        return {**self._factory, **self._state(setup).keys}

    def client_keys(self, setup: int) -> Keys:
        """The keys that protect the messages of a client."""
        keys = self.keys(setup)
        return Keys(
            global_unicast_encryption_key=keys.get(KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY),
            authentication_key=keys.get(KeyId.AUTHENTICATION_KEY),
            master_key=keys.get(KeyId.MASTER_KEY),
        )

    def broadcast_keys(self, setup: int) -> Keys | None:
        """The keys of the pre-established client, or ``None`` where one is missing."""
        keys = self.keys(setup)
        broadcast = keys.get(KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY)
        authentication = keys.get(KeyId.AUTHENTICATION_KEY)
        if broadcast is None or authentication is None:
            return None
        return Keys(authentication_key=authentication, global_broadcast_encryption_key=broadcast)

    def policy(self, setup: int) -> SecurityPolicyV1:
        """The policy of a setup as it is now."""
        activated = self._state(setup).policy
        return self._factory_policy if activated is None else activated

    def activate(self, setup: int, policy: SecurityPolicyV1, *, can_sign: bool) -> None:
        """Strengthens a policy; the next association is held to it.

        Raises CosemFault where it would be weakened, or where the keys that it needs are not there.
        """
        now = self.policy(setup)
        if policy & ~(REQUEST | RESPONSE):
            raise CosemFault(ActionResult.TYPE_UNMATCHED)
        if now & ~policy:
            raise CosemFault(ActionResult.READ_WRITE_DENIED)
        if policy and not all(key_id in self.keys(setup) for key_id in _KEYS_IN_USE):
            raise CosemFault(_REFUSED)
        if policy & _SIGNED and not can_sign:
            raise CosemFault(_REFUSED)
        if policy != now:
            self._change(setup, replace(self._state(setup), policy=policy))
            self.on_change()

    def transfer(self, setup: int, items: Sequence[KeyTransferData]) -> None:
        """Replaces keys by those that are wrapped under the master key; all of them or none.

        Raises CosemFault where there is no master key, or one key has a wrong id or length, or was wrapped
        under another key. Nothing has changed then.
        """
        master_key = self.keys(setup).get(KeyId.MASTER_KEY)
        new: dict[KeyId, Key] = {}
        for key_id, wrapped in items:
            length_is_right = len(wrapped) == key_length(self.suite) + 8
            if master_key is None or key_id not in _KEY_IDS or key_id in new or not length_is_right:
                raise CosemFault(_REFUSED)
            try:
                new[key_id] = Key.unwrap(master_key, wrapped)
            except SecurityError:
                self._log_fraud(FraudEvent.DECRYPTION_OR_AUTHENTICATION_FAILURE)
                raise CosemFault(_REFUSED) from None
        self.install(setup, new)

    def install(self, setup: int, new: Mapping[KeyId, Key]) -> None:
        """Replaces keys; durable, and in the event log, when it returns. Raises CosemFault for none."""
        if not new:
            raise CosemFault(_REFUSED)
        state = self._state(setup)
        self._change(setup, replace(state, keys={**state.keys, **new}), announced=False)
        self._announce()
        self.on_change()

    def _state(self, setup: int) -> SetupState:
        return self._memory.state.setups.get(setup) or SetupState()

    def _change(self, setup: int, state: SetupState, *, announced: bool = True) -> None:
        announced = announced and self._memory.state.announced
        self._memory.commit(setups={**self._memory.state.setups, setup: state}, announced=announced)

    def _announce(self) -> None:
        if not self._memory.state.announced:
            self._log_event(StandardEvent.GLOBAL_KEYS_CHANGED)
            self._memory.commit(announced=True)


def policy_bits(policy: SecurityPolicy, protection: MessageProtection) -> SecurityPolicyV1:
    """What is demanded of requests and of responses, as the bits of a security policy."""
    return SecurityPolicyV1(protection.requests(policy) >> 2 | protection.responses(policy) << 1)


def directions(bits: int, protection: MessageProtection) -> tuple[SecurityPolicy, MessageProtection]:
    """The bits of a security policy as what is demanded of requests and, in ``protection``, of responses."""
    requests, responses = bits << 2, bits >> 1
    return SecurityPolicy(requests & SecurityPolicy.AUTHENTICATED_ENCRYPTED), replace(
        protection,
        response_policy=SecurityPolicy(responses & SecurityPolicy.AUTHENTICATED_ENCRYPTED),
        sign_requests=bool(requests & SIGNED),
        signed_responses=bool(responses & SIGNED),
    )


_SIGNED: Final = SecurityPolicyV1.DIGITALLY_SIGNED_REQUEST | SecurityPolicyV1.DIGITALLY_SIGNED_RESPONSE
_KEY_IDS: Final = frozenset(KeyId)
