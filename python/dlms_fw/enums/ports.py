"""The enumerations of local and wired ports, with their codes."""

from __future__ import annotations

from enum import IntEnum


class BaudRate(IntEnum):
    """The speed of a port, e.g. ``comm_speed`` of an IEC HDLC setup."""

    BAUD_300 = 0
    BAUD_600 = 1
    BAUD_1200 = 2
    BAUD_2400 = 3
    BAUD_4800 = 4
    BAUD_9600 = 5
    BAUD_19200 = 6
    BAUD_38400 = 7
    BAUD_57600 = 8
    BAUD_115200 = 9


class LocalPortMode(IntEnum):
    """``default_mode`` of an IEC local port: what is spoken first."""

    IEC_62056_21 = 0
    DLMS = 1
    """HDLC at once."""
    NOT_SPECIFIED = 2
    """Neither; what it is must be known."""


class LocalPortResponseTime(IntEnum):
    """``response_time`` of an IEC local port: the least time before an answer."""

    MILLISECONDS_20 = 0
    MILLISECONDS_200 = 1


class TwistedPairMode(IntEnum):
    """``mode`` of an IEC twisted pair."""

    INACTIVE = 0
    ACTIVE = 1


class ProtectionMode(IntEnum):
    """``protection_mode`` of a communication port protection."""

    LOCKED = 0
    LOCKED_ON_FAILED_ATTEMPTS = 1
    UNLOCKED = 2


class ProtectionStatus(IntEnum):
    """``protection_status`` of a communication port protection."""

    UNLOCKED = 0
    TEMPORARILY_LOCKED = 1
    LOCKED = 2
