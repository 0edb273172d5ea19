"""What a simulated meter is told about itself: one frozen value, made by a model's profile or by hand.

Keys enter as :class:`~dlms_fw._core.Key`; nothing here reads files or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from dlms_fw._core import Gateway, Key
from dlms_fw.certificates import check_anchor
from dlms_fw.enums import AuthenticationMechanism, SecuritySuite
from dlms_fw.errors import ConfigurationError
from dlms_fw.hls import ManufacturerMechanism
from dlms_fw.meter.access import AccessRule
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.activation_table import Confirmation, FirmwareBehaviour
from dlms_fw.meter.lies.lie import Lie
from dlms_fw.meter.live.load import Load
from dlms_fw.meter.model import MeterModel
from dlms_fw.meter.model_files import load_model
from dlms_fw.meter.shortcomings import Shortcoming
from dlms_fw.profiles import (
    MAX_GENERAL_BLOCK_TRANSFER_WINDOW,
    GeneralBlockTransfer,
    HdlcSettings,
    Referencing,
)
from dlms_fw.security import AsymmetricKeys, MessageProtection, SecurityPolicy, key_length
from dlms_fw.signing_keys import PublicKey

BLOCK_OVERHEAD: Final = 54
"""Octets around an image block in a general-glo ciphered ACTION request, at most."""
_NAME_DIGITS: Final = 8
_SERIAL_NUMBERS: Final = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterConfig:
    """One meter.

    Attributes:
        meter_model: The clients and the objects that it has in common with all meters of its type.
        model: The meter type, as it stands in 0-0:96.1.1.255 and as a container must name it.
        logical_device_name: 16 octets.
        system_title: 8 octets.
        hardware: Its hardware revision.
        year_of_manufacture: Told by the number that it has at its utility.
        factory_version: The version of each firmware part before the first upgrade.
        part_count: Firmware parts from value group B 0 on.
        server_sap: The SAP of the logical device; the HDLC upper address.
        other_logical_devices: Names of further logical devices in the same physical device, by their SAP; the
            SAP assignment lists them.
        neighbours: Other meters on the same line: logical devices, or meters on a bus or behind a gateway. A
            :class:`~dlms_fw.meter.group.GroupedMeter` is all of them.
        gateway: What a client names it by behind a gateway; ``None`` where it is reached without.
        mechanism: How the management and reading clients authenticate themselves.
        manufacturer: The two functions of mechanism 2.
        password: The LLS password, or the shared HLS secret.
        passwords: Those of single clients by SAP, where they are different.
        asymmetric_keys: The meter's own on the curve of the suite, and those of its clients that are pinned.
        certificate: That of its signing key in DER; sent in the AARE with mechanism 7.
        trust_anchors: Certificates in DER of authorities whose word about a client's signing key is taken.
        users: Names of the users who may ask, by client user id; ``None`` takes any, and none.
        security_suite: Of the keys.
        security_policy: The least protection of those clients' messages.
        protection: What more there is to protection; the client decides on the form.
        referencing: How objects are named; with ``"both"`` the application context of the client decides.
        hdlc: The most that is accepted in the negotiation of an HDLC link.
        hdlc_group_addresses: Groups whose UI frames it takes: upper and lower half, in the form of its own
            address.
        multicast_groups: Groups that it joins when it is served on UDP: ``ADDRESS``, or
            ``ADDRESS%INTERFACE:PORT`` where these are not its own.
        master_key: The key-encrypting key, under which other keys are transferred and wrapped.
        security_setup_version: Of its Security setup objects, 0 or 1.
        security_setups: One object for all clients, or one more for the reading client.
        older_algorithm_ids: Whether keys are derived with the algorithm ids of older texts.
        association_version: Of its Association LN objects, 0 to 3.
        access_rules: Other access rights than those of the model.
        client_system_title: The only client title that is accepted; ``None`` accepts any.
        max_pdu_size: Largest APDU that is received, in octets.
        general_block_transfer: When an answer that is too long goes in general blocks, where the client has
            negotiated them: ``"off"`` (not offered), ``"when-needed"`` (where its service has no block
            transfer, or none was negotiated) or ``"always"``.
        general_block_transfer_window: Blocks in one go, 1 to 63; the client's own is kept to as well.
        image_block_size: In octets; ``0`` takes the largest multiple of 64 that surely fits ``max_pdu_size``.
        image_size_limit: Octets of memory for an image.
        image_identifier_length: In octets.
        self_verify: Whether verification starts by itself after the last block.
        verify_seconds: How long it takes.
        trusted: The vendor's public keys.
        accept_raw: Whether images without a container are accepted.
        allow_downgrade: Whether older versions are accepted.
        sync_every_blocks: Image blocks between two barriers, see ``storage.ImageBlockStore``.
        transfer_after_restart: Whether an unfinished transfer is kept over a power cut or lost with it; an
            image that was verified is always kept.
        transfer_when_disabled: What becomes of a transfer when image_transfer_enabled is set to FALSE.
        initiate_in_transfer: Whether an initiation drops a transfer of which blocks are there, or is refused.
        differing_block: Whether other octets for a block that is there replace it, or are refused.
        confirmation: What confirms a new firmware.
        activation_restarts: Whether the meter restarts into a new firmware, or it takes over in running.
        timings: How long the steps of an activation take.
        behaviour: What a new firmware does when it is tried.
        identifiers_order: Whether the running firmware's identifier stands first or last in its array.
        utc_offset_minutes: Local time minus UTC.
        opposite_deviation: Whether its date-times tell local time minus UTC, the opposite of the standard.
        schedule_grace_seconds: How late a scheduled activation may still begin, see ``schedule.py``.
        counter_stride: Invocation counters recorded ahead; up to sixteen times as many in a long transfer.
        authentication_tries: Failed authentications of a client until it is locked out; 0 never.
        lockout_seconds: How long.
        lockout_ends: Whether a lock ends after that time, or when the demand is reset, as the manual of the
            MCS301 says (page 112): by a script of 0-0:10.0.1.255, or at the meter.
        load: What hangs on it and is measured; ``None`` is a household of its own.
        objects_act: Whether objects act from power-up on. Without, one acts once somebody has asked for it,
            for thousands of meters of which only the firmware matters.
        shortcomings: What it cannot do, as meters in the field.
        lies: How it misbehaves.
        owner_idle_seconds: After this time without a call another association may take the image transfer
            over.
        block_sink: Whether image blocks go the short way where nothing could come of them but success; what
            is said and what is kept are the same without.
    """

    meter_model: MeterModel = field(default_factory=lambda: load_model("mcs301"), repr=False)
    model: str = "MCS301"
    logical_device_name: bytes = b"MCS0040612345678"
    system_title: bytes = bytes.fromhex("4D43530460BC614E")
    hardware: int = 1
    year_of_manufacture: int = 2019
    factory_version: str = "1.0.0"
    part_count: int = 3
    server_sap: int = 1
    other_logical_devices: Mapping[int, bytes] = field(default_factory=dict)
    neighbours: tuple[MeterConfig, ...] = ()
    gateway: Gateway | None = None
    mechanism: AuthenticationMechanism = AuthenticationMechanism.LOWEST_LEVEL
    manufacturer: ManufacturerMechanism | None = None
    password: Key | None = None
    passwords: Mapping[int, Key] = field(default_factory=dict)
    asymmetric_keys: AsymmetricKeys = field(default_factory=AsymmetricKeys)
    certificate: bytes | None = None
    trust_anchors: tuple[bytes, ...] = ()
    users: Mapping[int, str] | None = None
    security_suite: SecuritySuite = SecuritySuite.AES_GCM_128
    security_policy: SecurityPolicy = SecurityPolicy.NONE
    protection: MessageProtection = field(default_factory=MessageProtection)
    master_key: Key | None = None
    global_unicast_encryption_key: Key | None = None
    global_broadcast_encryption_key: Key | None = None
    authentication_key: Key | None = None
    security_setup_version: Literal[0, 1] = 1
    security_setups: Literal["shared", "separate"] = "shared"
    older_algorithm_ids: bool = False
    association_version: Literal[0, 1, 2, 3] = 1
    access_rules: tuple[AccessRule, ...] = ()
    client_system_title: bytes | None = None
    referencing: Referencing | Literal["both"] = "logical-name"
    max_pdu_size: int = 1024
    general_block_transfer: GeneralBlockTransfer = "when-needed"
    general_block_transfer_window: int = 16
    hdlc: HdlcSettings = field(default_factory=HdlcSettings)
    hdlc_group_addresses: tuple[tuple[int, int | None], ...] = ()
    multicast_groups: tuple[str, ...] = ()
    image_block_size: int = 0
    image_size_limit: int = 16 * 1024 * 1024
    image_identifier_length: int = 6
    self_verify: bool = True
    verify_seconds: float = 0.2
    trusted: tuple[PublicKey, ...] = ()
    accept_raw: bool = False
    allow_downgrade: bool = False
    sync_every_blocks: int = 64
    transfer_after_restart: Literal["kept", "lost"] = "kept"
    transfer_when_disabled: Literal["kept", "dropped"] = "kept"
    initiate_in_transfer: Literal["drop", "refuse"] = "drop"
    differing_block: Literal["overwrite", "refuse"] = "overwrite"
    confirmation: Confirmation = "self-test"
    activation_restarts: bool = True
    timings: ActivationTimings = field(default_factory=ActivationTimings)
    behaviour: FirmwareBehaviour = FirmwareBehaviour.GOOD
    identifiers_order: Literal["newest-first", "newest-last"] = "newest-first"
    utc_offset_minutes: int = 0
    opposite_deviation: bool = False
    schedule_grace_seconds: float = 86_400.0
    counter_stride: int = 256
    authentication_tries: int = 5
    lockout_seconds: float = 60.0
    lockout_ends: Literal["after-time", "at-demand-reset"] = "after-time"
    load: Load | None = None
    objects_act: bool = True
    shortcomings: frozenset[Shortcoming] = frozenset()
    lies: tuple[Lie, ...] = ()
    owner_idle_seconds: float = 10.0
    block_sink: bool = True
    derived: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was made of this configuration once, for all meters that have it."""

    @property
    def ways_of_referencing(self) -> tuple[Referencing, ...]:
        """How a client may name objects."""
        return ("logical-name", "short-name") if self.referencing == "both" else (self.referencing,)

    def __post_init__(self) -> None:
        if len(self.system_title) != 8:
            raise ConfigurationError("a system title has 8 octets")
        if not 1 <= self.part_count <= 10:
            raise ConfigurationError("a meter has 1 to 10 firmware parts")
        if not 64 <= self.max_pdu_size <= 0xFFFF:
            raise ConfigurationError("max_pdu_size is 64 to 65535 octets")
        if not 1 <= self.general_block_transfer_window <= MAX_GENERAL_BLOCK_TRANSFER_WINDOW:
            raise ConfigurationError("general_block_transfer_window is 1 to 63 blocks")
        if self.image_block_size == 0:
            room = self.max_pdu_size - BLOCK_OVERHEAD
            object.__setattr__(self, "image_block_size", room // 64 * 64 if room >= 64 else max(1, room))
        if not 1 <= self.image_block_size <= 0xFFFF:
            raise ConfigurationError("image_block_size is 1 to 65535 octets")
        if self.security_setup_version not in {0, 1} or self.association_version not in range(4):
            raise ConfigurationError("security_setup_version is 0 or 1, and association_version 0, 1, 2 or 3")
        if self.master_key is not None and len(self.master_key) != key_length(self.security_suite):
            raise ConfigurationError(
                f"master_key: {len(self.master_key)} octets, but security suite "
                f"{self.security_suite.value} needs {key_length(self.security_suite)}"
            )
        for anchor in self.trust_anchors:
            check_anchor(anchor)
        if self.counter_stride < 1:
            raise ConfigurationError("counter_stride is at least 1")


def numbered(config: MeterConfig, number: int) -> MeterConfig:
    """The same meter with a serial number that is so much higher, which its name and system title tell."""
    title = int.from_bytes(config.system_title, "big")
    serial = (title + number) % _SERIAL_NUMBERS
    name = config.logical_device_name
    digits = name[-_NAME_DIGITS:]
    if digits.isdigit():
        following = (int(digits) + number) % 10**_NAME_DIGITS
        name = name[:-_NAME_DIGITS] + str(following).zfill(_NAME_DIGITS).encode()
    return replace(
        config,
        system_title=(title - title % _SERIAL_NUMBERS + serial).to_bytes(len(config.system_title), "big"),
        logical_device_name=name,
    )
