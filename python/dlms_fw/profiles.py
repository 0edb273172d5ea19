"""Profiles: who we are to a meter and how we talk to it, and what of that fits together.

All mistakes of a profile are reported at once, by the names of its keys and never with the value of a secret.
A profile knows nothing of sockets, and of files only ``profile_files`` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from dlms_fw._core import Gateway, Key
from dlms_fw.cosem.association_sn import ShortNameObject
from dlms_fw.enums import SecuritySuite
from dlms_fw.errors import ConfigurationError
from dlms_fw.hls import (
    LOWEST_LEVEL,
    MANUFACTURER,
    MECHANISMS,
    ManufacturerMechanism,
    Mechanism,
    mechanism_of,
)
from dlms_fw.security import (
    AsymmetricKeys,
    Keys,
    MessageProtection,
    SecurityPolicy,
)

Referencing: TypeAlias = Literal["logical-name", "short-name"]
"""How objects are named on the wire."""
GeneralBlockTransfer: TypeAlias = Literal["off", "when-needed", "always"]
"""When what does not fit goes in general blocks: never, where its service has no blocks, or in any case."""
MAX_GENERAL_BLOCK_TRANSFER_WINDOW = 63

POLICIES = {policy.name.lower().replace("_", "-"): policy for policy in SecurityPolicy}


@dataclass(frozen=True, slots=True, kw_only=True)
class HdlcSettings:
    """What an HDLC link is proposed with (Green Book, HDLC based data link layer).

    Attributes:
        server_lower: The lower (physical) address; ``None`` leaves it out.
        address_size: Octets of the server address, 1, 2 or 4; ``None`` takes the shortest that fits.
        max_info_field_length: Octets of an information field, proposed each way, 1 to 2030.
        window_size: Frames before an acknowledgement, proposed each way, 1 to 7. A meter answers with what it
            has; one that refuses the proposal or does not answer it is asked without, and then has 128 and 1.
        inactivity_timeout_s: Silence after which a meter gives up the link. A client that pauses polls it
            after less than half of that.
        inter_octet_timeout_s: In a meter, silence within a frame after which the frame is given up. The
            standard has 0.025; modems, optical heads and TCP need more.
        unconfirmed_as_ui: Whether what asks for no answer is sent in UI frames, whole and unacknowledged.
    """

    server_lower: int | None = None
    address_size: int | None = None
    max_info_field_length: int = 2030
    window_size: int = 7
    inactivity_timeout_s: float = 120.0
    inter_octet_timeout_s: float = 1.0
    unconfirmed_as_ui: bool = False


_PLAIN = MessageProtection()
_NO_KEYS = Keys()
_NO_ASYMMETRIC_KEYS = AsymmetricKeys()
_USUAL_HDLC = HdlcSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one client talks to one kind of meter.

    Attributes:
        name: For messages.
        client_sap: Our service access point: 1 management, 2 reading, 16 public.
        server_sap: The logical device.
        mechanism: Id of the authentication mechanism: 0 none, 1 LLS, 2 HLS of the manufacturer's own,
            3 HLS with MD5, 4 with SHA-1, 5 with GMAC, 6 with SHA-256, 7 with ECDSA.
        manufacturer: The two functions of mechanism 2; a file cannot name them.
        security_suite: 0, 1 or 2.
        security_policy: How our messages are protected, and the least that we accept.
        system_title: Our own, 8 octets; needed with any key. Invocation counters belong to it and the key,
        so it must
            not be shared with another program that uses the same key.
        meter_system_title: The meter's, pinned; ``None`` takes it from the AARE.
        protection: The form of ciphered APDUs, signatures, and what responses must have.
        keys: The symmetric keys.
        asymmetric_keys: Our keys on the curve of the suite, and the meter's public ones where pinned.
        certificate: That of our signing key in DER; sent in the AARQ with mechanism 7.
        trust_anchors: Certificates in DER of authorities whose word about a meter's signing key is taken.
        strict_keys: Refuse a meter under a key that another meter has; a warning otherwise.
        client_user_id: Who of our users asks, 0 to 255; sent in the AARQ.
        dedicated_key: Agree a fresh key for each association, inside the ciphered InitiateRequest.
        pre_established: The association is there without being asked for, and cannot be released: no AARQ, no
            RLRQ, and only services that want no answer. What we send has at most ``max_pdu_size`` octets.
            Protection is under the broadcast key where there is one, else under the unicast key.
        response_allowed: Whether the meter answers. Without, the association is unconfirmed: the AARQ and the
            RLRQ are sent and nothing comes of them, and only services that want no answer can be asked for.
            What was proposed counts as agreed, and the meter takes at most ``max_pdu_size`` octets.
        quality_of_service: What the InitiateRequest proposes, -128 to 127; ``None`` leaves it out, as
            DLMS/COSEM does.
        password: The LLS secret, or the shared secret of HLS mechanisms 3, 4 and 6 (and 2, where it has one).
        max_pdu_size: Octets of the largest APDU that we receive without block transfer.
        general_block_transfer: When a request that does not fit goes in general blocks: ``"off"`` (it is not
            proposed), ``"when-needed"`` (where its service has no block transfer, or none was negotiated), or
            ``"always"`` (rather than the block transfer of its service).
        general_block_transfer_window: Blocks in one go, 1 to 63; the meter's own is kept to as well.
        general_block_transfer_acknowledge_last: Acknowledge the last block of an answer as well; some meters
            do not expect that.
        meter_type: What the meter must call itself, or ``None``.
        hdlc: Used with ``hdlc+tcp://`` only.
        gateway: The network and the address of a meter behind a gateway; ``None`` where there is no gateway.
        connect_timeout_s: For opening the medium.
        response_timeout_s: Silence after which a frame is repeated or, without HDLC, the request has failed.
        request_deadline_s: For one answer altogether, however much else arrives.
        invocation_counter_object: ``e`` of the Data object 0-0:43.1.e.255 in which the meter counts for
        our key.
        first_invocation_counter: Where a new journal begins, instead of asking the meter.
        trust_meter_counter_reset: Accept that the meter's own counter went back (it was replaced or reset).
        referencing: How objects are named: ``"logical-name"``, or ``"short-name"`` for meters that know only
            those.
        short_names: Objects whose base names are known; those of all others come from the meter.
        opposite_deviation: The meter writes deviations and its time zone as local minus UTC.
    """

    name: str = "default"
    client_sap: int = 16
    server_sap: int = 1
    mechanism: int = LOWEST_LEVEL
    manufacturer: ManufacturerMechanism | None = None
    security_suite: SecuritySuite = SecuritySuite.AES_GCM_128
    security_policy: SecurityPolicy = SecurityPolicy.NONE
    system_title: bytes | None = None
    meter_system_title: bytes | None = None
    protection: MessageProtection = _PLAIN
    keys: Keys = _NO_KEYS
    asymmetric_keys: AsymmetricKeys = _NO_ASYMMETRIC_KEYS
    certificate: bytes | None = None
    trust_anchors: tuple[bytes, ...] = ()
    strict_keys: bool = False
    client_user_id: int | None = None
    dedicated_key: bool = False
    pre_established: bool = False
    response_allowed: bool = True
    quality_of_service: int | None = None
    password: Key | None = None
    max_pdu_size: int = 1024
    general_block_transfer: GeneralBlockTransfer = "off"
    general_block_transfer_window: int = MAX_GENERAL_BLOCK_TRANSFER_WINDOW
    general_block_transfer_acknowledge_last: bool = True
    meter_type: str | None = None
    hdlc: HdlcSettings = _USUAL_HDLC
    gateway: Gateway | None = None
    connect_timeout_s: float = 15.0
    response_timeout_s: float = 30.0
    request_deadline_s: float = 120.0
    invocation_counter_object: int = 0
    first_invocation_counter: int | None = None
    trust_meter_counter_reset: bool = False
    referencing: Referencing = "logical-name"
    short_names: tuple[ShortNameObject, ...] = ()
    opposite_deviation: bool = False
    _checked: bool = field(default=False, init=False, repr=False, compare=False)

    @property
    def needs_keys(self) -> bool:
        """Whether anything is ciphered or proved with keys."""
        return self.is_protected or self.authentication.needs_keys

    @property
    def is_protected(self) -> bool:
        """Whether messages are protected, in either direction."""
        return bool(self.security_policy) or self.protection.protects(self.security_policy)

    @property
    def is_unanswered(self) -> bool:
        """Whether the meter never answers in this association."""
        return self.pre_established or not self.response_allowed

    @property
    def counter_key(self) -> Key | None:
        """The key whose invocation counters we use."""
        broadcast = self.keys.global_broadcast_encryption_key if self.pre_established else None
        return broadcast or self.keys.counter_key

    @property
    def authentication(self) -> Mechanism:
        """The row of :data:`dlms_fw.hls.MECHANISMS`."""
        if self.manufacturer is None:
            return MECHANISMS[self.mechanism]
        return mechanism_of(self.mechanism, self.manufacturer)

    @property
    def needs_titles(self) -> bool:
        """Whether both ends must name themselves."""
        return self.needs_keys or self.authentication.needs_titles

    def check(self) -> None:
        """Raises ConfigurationError with all that is missing or does not fit together."""
        if not self._checked:  # it never changes, and each session asks
            raise_if(contradictions(self), f"profile {self.name}")
            object.__setattr__(self, "_checked", True)


def contradictions(profile: Profile) -> list[str]:
    """All that is missing or does not fit together, as sentences that begin with the key they are about."""
    mistakes = profile.keys.mistakes(profile.security_suite)
    mistakes += profile.asymmetric_keys.mistakes(profile.security_suite)
    mistakes += profile.protection.mistakes(
        profile.security_suite,
        profile.keys,
        profile.asymmetric_keys,
        peer_sends_certificate=profile.authentication.signs and bool(profile.trust_anchors),
    )
    if profile.protection.sends_header and profile.meter_system_title is None:
        mistakes.append("meter_system_title: missing; the way in which messages are protected names it")
    if profile.authentication.needs_secret and profile.password is None:
        mistakes.append(f"password: missing, but authentication is {profile.authentication.name}")
    if profile.authentication.signs:
        mistakes += _signing_mistakes(profile)
    if profile.dedicated_key and not profile.security_policy & SecurityPolicy.ENCRYPTED:
        mistakes.append(
            "dedicated_key: the InitiateRequest that carries it must be encrypted; see security_policy"
        )
    if profile.pre_established and (profile.mechanism != LOWEST_LEVEL or profile.dedicated_key):
        mistakes.append("pre_established: without an AARQ there is no authentication and no dedicated_key")
    if not profile.response_allowed and profile.authentication.high_level:
        mistakes.append("response_allowed: high level security needs the meter's answers")
    if profile.quality_of_service is not None and not -128 <= profile.quality_of_service <= 127:
        mistakes.append("quality_of_service: a number from -128 to 127 is needed")
    if profile.mechanism == MANUFACTURER and profile.manufacturer is None:
        mistakes.append("authentication: hls-manufacturer needs two functions, which only a program can give")
    why = "authentication and protection with keys need it"
    if profile.needs_titles and profile.system_title is None:
        why_title = why if profile.needs_keys else f"authentication {profile.authentication.name} needs it"
        mistakes.append(f"system_title: missing; {why_title} (8 octets of your own, as 16 hex digits)")
    if profile.needs_keys:
        needed = ["authentication_key", "global_unicast_encryption_key"]
        if profile.pre_established and profile.keys.global_broadcast_encryption_key is not None:
            needed.pop()
        for key in needed:
            if getattr(profile.keys, key) is None:
                mistakes.append(f"{key}: missing; {why}")
    if profile.short_names and profile.referencing != "short-name":
        mistakes.append('short_names: used with referencing = "short-name" only')
    if profile.general_block_transfer not in get_args(GeneralBlockTransfer):
        uses = ", ".join(get_args(GeneralBlockTransfer))
        mistakes.append(f"general_block_transfer: one of {uses} is needed")
    if not 1 <= profile.general_block_transfer_window <= MAX_GENERAL_BLOCK_TRANSFER_WINDOW:
        mistakes.append(
            f"general_block_transfer_window: 1 to {MAX_GENERAL_BLOCK_TRANSFER_WINDOW} blocks are needed"
        )
    if profile.system_title is not None and profile.system_title == profile.meter_system_title:
        mistakes.append("meter_system_title: must differ from system_title")
    return mistakes


def _signing_mistakes(profile: Profile) -> Iterator[str]:
    keys = profile.asymmetric_keys
    if keys.signing_key is None:
        yield f"signing_key: missing, but authentication is {profile.authentication.name}"
    if keys.peer_signing_key is None and not profile.trust_anchors:
        yield "peer_signing_key: missing, and there are no trust_anchors either"
    if not profile.trust_anchors:
        return
    from dlms_fw.certificates import check_anchor  # here, as X.509 takes its time and most do without it

    try:
        for anchor in profile.trust_anchors:
            check_anchor(anchor)
    except ConfigurationError as error:
        yield f"trust_anchors: {error}"


def raise_if(mistakes: list[str], where: str) -> None:
    """Raise ConfigurationError with these mistakes, where there are any."""
    if mistakes:
        raise ConfigurationError(f"{where}: " + "; ".join(mistakes), code="configuration.profile")
