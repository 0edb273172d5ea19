"""What must be known of a meter before it can be judged: its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dlms_fw.certificate_authority import CertificateAuthority
from dlms_fw.conformance.firmware import Firmware
from dlms_fw.conformance.verdicts import Inapplicable
from dlms_fw.conformance.wire.hdlc_frames import ServerAddress
from dlms_fw.cosem import well_known
from dlms_fw.cosem.security_setup import SecuritySetup
from dlms_fw.endpoint import Endpoint
from dlms_fw.logical_name import LogicalName
from dlms_fw.profiles import HdlcSettings, Profile, Referencing

MEDIA: Final = ("hdlc", "wrapper", "datagrams")
"""HDLC on whatever carries it, the wrapper on TCP, the wrapper on UDP."""


@dataclass(frozen=True, slots=True)
class AttributeName:
    """An attribute of an object."""

    class_id: int
    logical_name: LogicalName
    attribute_id: int

    def __str__(self) -> str:
        return f"{self.class_id}:{self.logical_name}:{self.attribute_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One meter, as its maker says it is.

    Attributes:
        name: For the report.
        clients: Who may talk to it, by role: ``management``, ``reading``, ``public`` and ``low``, which is
            the one with the least rights.
        endpoints: Where it is, by medium; a bench that holds the meter itself needs none.
        referencing: How objects may be named.
        server_addresses: Its HDLC address, in each form in which it answers; by default that of the
            management client's profile.
        readable: An attribute that the management client may read, with a short value.
        long_value: One whose value is too long for one APDU of the smallest size.
        read_only: One that may be read and not be written by the management client.
        writable: One that the management client may write, and that the suite may write and put back.
        other_value: Another value for it, encoded, with tag.
        private: One that the management client may read and the public client may not.
        profile_generic: A profile that the management client may read by entry.
        security_setup: The Security setup object that holds for the management client.
        authority: Makes certificates that the meter trusts; of a test bench alone.
        lockout_tries: After so many failed authentications a client is locked out; ``None`` where it is not.
        lockout_s: How long it is locked out.
        fraud_log: The log in which failed authentications stand; ``None`` where there is none.
        authentication_failed: Their code in it.
        user: A client user id that the meter knows; ``None`` where it does not look at them.
        mutations: How many mutated requests AP-44 sends.
        association_timeout_s: Silence after which an association without HDLC is given up; ``None`` where it
            is not.
        firmware: Its firmware side, where images may be sent to it.
        unchanged: Attributes that no upgrade may change.
        silence_s: So long without an octet is no answer.
        inactivity_timeout_s: Of the HDLC link; by default that of the management client's profile.
    """

    name: str
    clients: Mapping[str, Profile]
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    referencing: tuple[Referencing, ...] = ("logical-name",)
    server_addresses: tuple[ServerAddress, ...] = ()
    readable: AttributeName = AttributeName(1, well_known.LOGICAL_DEVICE_NAME, 2)
    long_value: AttributeName = AttributeName(15, well_known.CURRENT_ASSOCIATION, 2)
    read_only: AttributeName = AttributeName(1, well_known.LOGICAL_DEVICE_NAME, 2)
    writable: AttributeName | None = None
    other_value: bytes | None = None
    private: AttributeName = AttributeName(18, well_known.IMAGE_TRANSFER, 6)
    profile_generic: LogicalName | None = None
    security_setup: LogicalName = well_known.SECURITY_SETUP
    authority: CertificateAuthority | None = None
    lockout_tries: int | None = None
    lockout_s: float | None = None
    fraud_log: LogicalName | None = None
    authentication_failed: int = 46
    user: int | None = None
    mutations: int = 10_000
    association_timeout_s: float | None = None
    firmware: Firmware | None = None
    unchanged: tuple[AttributeName, ...] = (
        AttributeName(1, well_known.LOGICAL_DEVICE_NAME, 2),
        AttributeName(1, well_known.DEVICE_ID_2, 2),
        AttributeName(17, well_known.SAP_ASSIGNMENT, 2),
    )
    silence_s: float = 3.0
    inactivity_timeout_s: float | None = None

    def profile(self, role: str) -> Profile:
        """The profile of a client. Raises Inapplicable where none has that role."""
        if role not in self.clients:
            raise Inapplicable(f"no client was declared as {role}")
        return self.clients[role]

    @property
    def hdlc(self) -> HdlcSettings:
        """Those of the management client."""
        return self.profile("management").hdlc

    @property
    def security_policy(self) -> AttributeName:
        """The attribute of the security setup that tells what protection it demands."""
        attribute_id = SecuritySetup.security_policy.attribute_id
        return AttributeName(SecuritySetup.class_id, self.security_setup, attribute_id)

    @property
    def addresses(self) -> tuple[ServerAddress, ...]:
        """The forms of its HDLC address."""
        return self.server_addresses or (address_of(self.profile("management")),)

    @property
    def inactivity_s(self) -> float:
        """Seconds of silence after which it gives up an HDLC link."""
        given = self.inactivity_timeout_s
        return self.hdlc.inactivity_timeout_s if given is None else given


def address_of(profile: Profile) -> ServerAddress:
    """The HDLC address of the server that a profile talks to, in the form that it uses."""
    upper, lower = profile.server_sap, profile.hdlc.server_lower
    if profile.hdlc.address_size is not None:
        return ServerAddress(upper, lower, profile.hdlc.address_size)
    if lower is None and upper <= 0x7F:
        return ServerAddress(upper)
    return ServerAddress(upper, lower or 0, 2 if max(upper, lower or 0) <= 0x7F else 4)
