"""Internet protocols (class_id 41, 42, 43, 44, 46, 48, 100): addresses, ports, PPP, mail and time.

The tables of the Blue Book. Addresses of IPv4 are numbers of 32 bits, those of IPv6 are 16 octets.
"""
# mypy: disable-error-code="empty-body"
# Declarations of methods that return something have no body.

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import Data
from dlms_fw.axdr import (
    any_data,
    array,
    boolean,
    choice,
    double_long_unsigned,
    enumerated,
    integer,
    logical_name_octets,
    long_unsigned,
    null_data,
    octet_string,
    record,
    structure,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums.internet import AddressConfigMode, Ipv6AddressType, NtpAuthenticationMethod

__all__ = [
    "AuthenticationKey",
    "IpOption",
    "IpcpOption",
    "Ipv4Setup",
    "Ipv6Setup",
    "LcpOption",
    "MacAddressSetup",
    "NeighborDiscovery",
    "NtpSetup",
    "PppAuthentication",
    "PppSetup",
    "SmtpSetup",
    "TcpUdpSetup",
]


class TcpUdpSetup(InterfaceClass, class_id=41, version=0):
    """One TCP or UDP port of a server."""

    tcp_udp_port = attribute(2, long_unsigned, static=True)
    """4059 is registered for DLMS/COSEM."""
    ip_reference = attribute(3, logical_name_octets, static=True)
    """The IPv4 or IPv6 setup below."""
    mss = attribute(4, long_unsigned, static=True)
    """The longest segment, in octets."""
    nb_of_sim_conn = attribute(5, unsigned, static=True)
    """How many connections there may be at the same time."""
    inactivity_time_out = attribute(6, long_unsigned, static=True)
    """After which a silent connection is closed, in seconds; 0 for never."""


class IpOption(NamedTuple):
    """One option of the IP header."""

    ip_option_type: int
    """See :class:`dlms_fw.enums.internet.IpOptionType`."""
    ip_option_length: int
    """In octets, type and length included."""
    ip_option_data: bytes


class Ipv4Setup(InterfaceClass, class_id=42, version=0, short_name_methods=0x60):
    """The addresses of an IPv4 interface."""

    dl_reference = attribute(2, logical_name_octets, static=True)
    """The set-up of the data link below."""
    ip_address = attribute(3, double_long_unsigned)
    multicast_ip_address = attribute(4, array(double_long_unsigned))
    ip_options = attribute(5, array(record(IpOption, unsigned, unsigned, octet_string)), static=True)
    subnet_mask = attribute(6, double_long_unsigned)
    gateway_ip_address = attribute(7, double_long_unsigned)
    use_dhcp_flag = attribute(8, boolean, static=True)
    primary_dns_address = attribute(9, double_long_unsigned)
    secondary_dns_address = attribute(10, double_long_unsigned)

    @method(1, double_long_unsigned)
    def add_mc_ip_address(self, ip_address: int) -> None:
        """Join a multicast group."""

    @method(2, double_long_unsigned)
    def delete_mc_ip_address(self, ip_address: int) -> None:
        """Leave a multicast group."""

    @method(3, returns=long_unsigned)
    def get_nbof_mc_ip_addresses(self) -> int:
        """How many multicast groups there are."""


class MacAddressSetup(InterfaceClass, class_id=43, version=0):
    """The MAC address of an interface."""

    mac_address = attribute(2, octet_string, static=True)
    """Usually six octets."""


class LcpOption(NamedTuple):
    """One option of the link control protocol."""

    lcp_option_type: int
    """See :class:`dlms_fw.enums.internet.PppOptionType`."""
    lcp_option_length: int
    """In octets, type and length included."""
    lcp_option_data: Data


class IpcpOption(NamedTuple):
    """One option of the IP control protocol."""

    ipcp_option_type: int
    """See :class:`dlms_fw.enums.internet.IpcpOptionType`."""
    ipcp_option_length: int
    """In octets, type and length included."""
    ipcp_option_data: Data


class PppAuthentication(NamedTuple):
    """How the peer is told who we are; the secret is not shown."""

    user_name: bytes
    password: bytes

    def __repr__(self) -> str:
        return f"PppAuthentication(user_name={self.user_name!r}, password=...)"


class PppSetup(InterfaceClass, class_id=44, version=0):
    """The options of PPP over a modem."""

    phy_reference = attribute(2, logical_name_octets, static=True)
    """The set-up of the modem below."""
    lcp_options = attribute(3, array(record(LcpOption, unsigned, unsigned, any_data)), static=True)
    ipcp_options = attribute(4, array(record(IpcpOption, unsigned, unsigned, any_data)), static=True)
    ppp_authentication = attribute(
        5,
        choice(record(PppAuthentication, octet_string, octet_string), null_data),
        static=True,
    )
    """By user name and password; null-data for none."""


class SmtpSetup(InterfaceClass, class_id=46, version=0):
    """Where and how mail is handed over."""

    server_port = attribute(2, long_unsigned, static=True)
    user_name = attribute(3, octet_string, static=True)
    login_password = attribute(4, octet_string, static=True)
    server_address = attribute(5, octet_string, static=True)
    sender_address = attribute(6, octet_string, static=True)


class NeighborDiscovery(NamedTuple):
    """How routers are looked for."""

    rs_max_retry: int
    rs_retry_wait_time: int
    """In milliseconds."""
    ra_send_period: int
    """In seconds."""


class Ipv6Setup(InterfaceClass, class_id=48, version=0):
    """The addresses of an IPv6 interface."""

    dl_reference = attribute(2, logical_name_octets, static=True)
    """The set-up of the data link below."""
    address_config_mode = attribute(3, enumerated(AddressConfigMode), static=True)
    unicast_ipv6_addresses = attribute(4, array(octet_string))
    multicast_ipv6_addresses = attribute(5, array(octet_string))
    gateway_ipv6_addresses = attribute(6, array(octet_string))
    primary_dns_address = attribute(7, octet_string)
    secondary_dns_address = attribute(8, octet_string)
    traffic_class = attribute(9, unsigned, static=True)
    """Of the header: its lower 6 bits are the differentiated services code point."""
    neighbor_discovery_setup = attribute(
        10, array(record(NeighborDiscovery, unsigned, long_unsigned, double_long_unsigned)), static=True
    )

    @method(1, structure(enumerated(Ipv6AddressType), octet_string))
    def add_ipv6_address(self, address_type: Ipv6AddressType, address: bytes) -> None:
        """Add an address to one of the lists."""

    @method(2, structure(enumerated(Ipv6AddressType), octet_string))
    def remove_ipv6_address(self, address_type: Ipv6AddressType, address: bytes) -> None:
        """Remove an address from one of the lists."""


class AuthenticationKey(NamedTuple):
    """A symmetric key shared with a time server; it is not shown."""

    key_id: int
    key: bytes

    def __repr__(self) -> str:
        return f"AuthenticationKey(key_id={self.key_id}, key=...)"


_authentication_key = record(AuthenticationKey, double_long_unsigned, octet_string)


class NtpSetup(InterfaceClass, class_id=100, version=0, short_name_methods=0x38):
    """How the clock is set by NTP (RFC 5905)."""

    activated = attribute(2, boolean, static=True)
    server_address = attribute(3, octet_string, static=True)
    """A name or an address, as characters."""
    server_port = attribute(4, long_unsigned, static=True)
    """123 is registered for NTP."""
    authentication_method = attribute(5, enumerated(NtpAuthenticationMethod), static=True)
    authentication_keys = attribute(6, array(_authentication_key), static=True)
    client_key = attribute(7, octet_string, static=True)
    """The public key of the server, for Autokey."""

    @method(1, mandatory=True)
    def synchronize(self) -> None:
        """Set the clock now."""

    @method(2, _authentication_key)
    def add_authentication_key(self, key_id: int, key: bytes) -> None:
        """Add a symmetric key."""

    @method(3, integer)
    def delete_authentication_key(self, key_id: int) -> None:
        """Delete a symmetric key."""
