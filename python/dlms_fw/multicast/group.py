"""Who is in a group and how the group is spoken to: values, and what of them fits together."""

from __future__ import annotations

from dataclasses import dataclass

from dlms_fw.driver import framing
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.profiles import Profile
from dlms_fw.security import SecurityPolicy
from dlms_fw.transports.udp import is_group

PRE_ESTABLISHED_CLIENT = 102


@dataclass(frozen=True, slots=True)
class Member:
    """One meter of a group, as it is spoken to alone.

    Attributes:
        url: Its own address.
        profile: Who we are to it, with its own keys.
        line: Name of the line it is on. Members with the same name are spoken to one after the other; where
            none is given, those with the same host and port are.
        name: For reports; its address where none is given.
    """

    url: str
    profile: Profile
    line: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.name or self.url


@dataclass(frozen=True, slots=True)
class Group:
    """A group of meters, as it is spoken to.

    Attributes:
        url: ``udp://`` with a multicast address, or ``hdlc+tcp://`` or ``serial:`` with the group's HDLC
            address as ``server=``.
        profile: Pre-established, with the global broadcast encryption key of the group.
        interface: Network interface, or its IPv4 address, that multicast is sent through.
        ttl: How many routers may pass it on, plus one.
        line: Name of the line, as in :class:`Member`.
    """

    url: str
    profile: Profile
    interface: str | None = None
    ttl: int = 1
    line: str | None = None

    def endpoint(self) -> Endpoint:
        """Its address. Raises ConfigurationError where that is not one of a group."""
        endpoint = Endpoint.parse(self.url)
        framing(endpoint, self.profile, group=True)  # raises where it is the address of all stations
        if endpoint.scheme == "udp" and not is_group(endpoint.host):
            raise ConfigurationError(
                f"{endpoint.host} is not a multicast address",
                code="configuration.group",
                hint="a group over UDP has an address from 224.0.0.0/4 or ff00::/8; "
                "broadcast addresses reach meters that nobody has named",
            )
        return endpoint

    def check(self, *, allow_insecure: bool) -> None:
        """Raises ConfigurationError with what does not fit together."""
        profile = self.profile
        if not profile.pre_established:
            raise ConfigurationError(
                f"profile {profile.name}: a group is spoken to by a pre-established client, "
                f"such as {PRE_ESTABLISHED_CLIENT}",
                code="configuration.group",
                hint="set pre_established = true",
            )
        profile.check()
        has_key = profile.keys.global_broadcast_encryption_key is not None
        if profile.is_protected and not has_key:
            raise ConfigurationError(
                f"profile {profile.name}: global_broadcast_encryption_key: missing; a group has one key",
                code="configuration.group",
            )
        if not profile.security_policy & SecurityPolicy.AUTHENTICATED and not allow_insecure:
            raise ConfigurationError(
                f"profile {profile.name}: blocks to the group are not authenticated",
                code="configuration.insecure",
                hint="allow_insecure lets it through, on a bench",
            )


def check_member(member: Member, group: Group) -> None:
    """Raises ConfigurationError where a member cannot be spoken to alone, or under the key of the group."""
    member.profile.check()
    if member.profile.pre_established:
        raise ConfigurationError(
            f"{member.label}: a pre-established client is never answered; a member needs one that is",
            code="configuration.group",
        )
    group_key = group.profile.keys.global_broadcast_encryption_key
    unicast_key = member.profile.keys.global_unicast_encryption_key
    if group_key is not None and unicast_key is not None and group_key.fingerprint == unicast_key.fingerprint:
        raise ConfigurationError(
            f"{member.label}: its global unicast encryption key is the key of the group",
            code="configuration.group",
            hint="a key of a single meter must not be known to others",
        )
