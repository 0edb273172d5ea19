"""What a meter knows about each of its clients, and the association that one of them has as it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
    GetRequest,
    Key,
    ReadRequest,
    RequestList,
    SecurityContext,
    SetRequest,
    WriteRequest,
)
from dlms_fw.enums import Conformance, SecuritySuite
from dlms_fw.hls import MECHANISMS, Handshake, ManufacturerMechanism, Mechanism, mechanism_of
from dlms_fw.profiles import Referencing
from dlms_fw.security import COUNTER_STRIDE, AsymmetricKeys, Keys, MessageProtection, SecurityPolicy
from dlms_fw.session.aare import PROPOSED_CONFORMANCE, SHORT_NAME_CONFORMANCE
from dlms_fw.session.states import TRANSITIONS, State, Step

DEFAULT_CONFORMANCE = PROPOSED_CONFORMANCE | Conformance.GENERAL_BLOCK_TRANSFER
DEFAULT_SHORT_NAME_CONFORMANCE = SHORT_NAME_CONFORMANCE | Conformance.GENERAL_BLOCK_TRANSFER
SERVICES: dict[Referencing, frozenset[type]] = {
    "logical-name": frozenset({GetRequest, SetRequest, ActionRequest, RequestList, AccessRequest}),
    "short-name": frozenset({ReadRequest, WriteRequest}),
}
"""The requests that name objects in each way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClient:
    """What a meter knows about one of its clients.

    Attributes:
        mechanism: How it must prove itself; a row of :data:`dlms_fw.hls.MECHANISMS`.
        manufacturer: The two functions of mechanism 2.
        secret: Its password, or the shared secret of a mechanism that needs one.
        keys: Needed for mechanism 5 and for any policy.
        asymmetric_keys: Ours, and the client's public ones where they are pinned.
        certificate: That of our signing key in DER; sent in the AARE with mechanism 7.
        trust_anchors: Certificates in DER of authorities whose word about the client's signing key is taken.
        users: The ids of the users who may ask through this client; ``None`` for any, and for none.
        security_suite: Of its keys.
        security_policy: The least protection; anything but NONE demands a ciphered application context.
        protection: What more there is to protection; the client decides on the form.
        conformance: The services it may have where objects have logical names.
        referencing: How it may name objects; its application context says which it takes.
        short_name_conformance: The services it may have where objects have short names.
        max_receive_pdu_size: Octets of the largest APDU that we take from it without block transfer.
        client_system_title: The only title it may have, or ``None`` for any.
        pre_established: Associated from the start; it can neither open nor release, and is never answered.
        protected_release: Refuse an RLRQ without protection in a ciphered association; many clients send
            such.
        locked: Every AARQ is refused.
    """

    mechanism: int = 0
    manufacturer: ManufacturerMechanism | None = None
    secret: Key | None = None
    keys: Keys | None = None
    asymmetric_keys: AsymmetricKeys = field(default_factory=AsymmetricKeys)
    certificate: bytes | None = None
    trust_anchors: tuple[bytes, ...] = ()
    users: frozenset[int] | None = None
    security_suite: SecuritySuite = SecuritySuite.AES_GCM_128
    security_policy: SecurityPolicy = SecurityPolicy.NONE
    protection: MessageProtection = field(default_factory=MessageProtection)
    conformance: int = DEFAULT_CONFORMANCE
    referencing: tuple[Referencing, ...] = ("logical-name",)
    short_name_conformance: int = DEFAULT_SHORT_NAME_CONFORMANCE
    max_receive_pdu_size: int = 1024
    client_system_title: bytes | None = None
    pre_established: bool = False
    protected_release: bool = False
    locked: bool = False

    def offered(self, referencing: Referencing) -> int:
        """The services it may have where objects are named like this, as a number: flags are slow."""
        return int(self.short_name_conformance if referencing == "short-name" else self.conformance)

    @property
    def authentication(self) -> Mechanism:
        """The row of :data:`dlms_fw.hls.MECHANISMS`."""
        if self.manufacturer is None:
            return MECHANISMS[self.mechanism]
        return mechanism_of(self.mechanism, self.manufacturer)

    @property
    def is_protected(self) -> bool:
        """Whether messages are protected, in either direction."""
        return bool(self.security_policy) or self.protection.protects(self.security_policy)


class ServerCounters(Protocol):
    """A meter's invocation counters, one stream per key, kept over restarts by the meter's own means."""

    def reserve(self, key_fingerprint: str, count: int) -> range:
        """Take ``count`` counters of ours that were never used; durable when it returns."""
        ...

    def last_accepted(self, key_fingerprint: str) -> int:
        """The highest counter ever accepted from a client under this key, or -1."""
        ...

    def accepted(self, key_fingerprint: str, counter: int) -> None:
        """A verified message had this counter; called before the message is handed on."""
        ...


@dataclass(slots=True)
class Association:
    """One client's association as it stands; the meter may look at it.

    Attributes:
        referencing: How objects are named.
        takes: The classes of the requests that name them like this.
        conformance: What was negotiated.
        client_max_receive_pdu_size: Octets; 0 is no limit.
        server_max_receive_pdu_size: Octets.
        client_system_title: As in the AARQ, or as pinned.
        client_user_id: Who of the client's users asked, where the AARQ says.
        confirmed: Whether the client is answered; not where its InitiateRequest allowed no response.
        quality_of_service: As the InitiateRequest proposed it, which is what it is answered.
        key_fingerprint: Of the key whose invocation counters are used.
        answer_protection: What the answer given last needed beyond the policy.
        counters_taken: How many counters were reserved for it last; the longer it lasts the more.
    """

    client_sap: int
    client: ServerClient | None = None
    state: State = State.DISCONNECTED
    mechanism: int = 0
    application_context: int = 1
    referencing: Referencing = "logical-name"
    takes: frozenset[type] = SERVICES["logical-name"]
    conformance: int = 0
    client_max_receive_pdu_size: int = 0
    server_max_receive_pdu_size: int = 0
    client_system_title: bytes | None = None
    client_user_id: int | None = None
    confirmed: bool = True
    quality_of_service: int | None = None
    context: SecurityContext | None = field(default=None, repr=False)
    key_fingerprint: str = ""
    answer_protection: int = 0
    counters_taken: int = COUNTER_STRIDE
    handshake: Handshake | None = field(default=None, repr=False)

    @property
    def is_silent(self) -> bool:
        """Whether this client is never answered."""
        return not self.confirmed or (self.client is not None and self.client.pre_established)

    @property
    def pre_established(self) -> bool:
        """Whether this association was never opened and cannot be released."""
        return self.client is not None and self.client.pre_established

    def refer_by(self, *referencing: Referencing) -> None:
        """Objects are named like this; in several ways only where no AARQ says which."""
        self.referencing = referencing[0]
        self.takes = _services(referencing)

    def move(self, step: Step) -> None:
        """Take a step of the table."""
        self.state = TRANSITIONS[self.state][step]


@lru_cache(maxsize=16)
def _services(referencing: tuple[Referencing, ...]) -> frozenset[type]:
    """One set for all associations in which objects are named like this."""
    return frozenset[type]().union(*(SERVICES[how] for how in referencing))
