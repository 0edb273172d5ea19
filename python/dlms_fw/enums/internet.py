"""The enumerations of internet protocols, with their codes."""

from __future__ import annotations

from enum import IntEnum


class AddressConfigMode(IntEnum):
    """``address_config_mode`` of an IPv6 setup: where the addresses come from."""

    AUTO_CONFIGURATION = 0
    DHCP_V6 = 1
    MANUAL = 2
    NEIGHBOUR_DISCOVERY = 3


class Ipv6AddressType(IntEnum):
    """Which list of an IPv6 setup an address belongs to."""

    UNICAST = 0
    MULTICAST = 1
    GATEWAY = 2


class PppOptionType(IntEnum):
    """``LCP_option_type`` of a PPP setup (RFC 1661)."""

    MAXIMUM_RECEIVE_UNIT = 1
    ASYNC_CONTROL_CHARACTER_MAP = 2
    AUTHENTICATION_PROTOCOL = 3
    MAGIC_NUMBER = 5
    PROTOCOL_FIELD_COMPRESSION = 7
    ADDRESS_AND_CONTROL_FIELD_COMPRESSION = 8
    FCS_ALTERNATIVES = 9
    CALLBACK = 13


class IpcpOptionType(IntEnum):
    """``IPCP_option_type`` of a PPP setup (RFC 1332); from 20 on of the Blue Book alone."""

    IP_COMPRESSION_PROTOCOL = 2
    PREFERRED_LOCAL_IP_ADDRESS = 3
    PREFERRED_PEER_IP_ADDRESS = 20
    GRANT_ACCESS_ONLY_TO_PREFERRED_PEER = 21
    USE_STATIC_IP_POOL = 22


class IpOptionType(IntEnum):
    """``IP_option_type`` of an IPv4 setup (RFC 791)."""

    RECORD_ROUTE = 0x07
    INTERNET_TIMESTAMP = 0x44
    SECURITY = 0x82
    LOOSE_SOURCE_AND_RECORD_ROUTE = 0x83
    STRICT_SOURCE_AND_RECORD_ROUTE = 0x89


class NtpAuthenticationMethod(IntEnum):
    """``authentication_method`` of an NTP setup."""

    NO_SECURITY = 0
    SHARED_SECRETS = 1
    AUTOKEY_IFF = 2
