"""The enumerations of modems and mobile networks, with their codes."""

from __future__ import annotations

from enum import IntEnum


class AutoAnswerMode(IntEnum):
    """``mode`` of an auto answer: who has the line. From 200 on it is the manufacturer's."""

    DEDICATED_LINE = 0
    SHARED_LINE_LIMITED_CALLS = 1
    """After ``number_of_calls`` calls it does not answer until the next window."""
    SHARED_LINE_LIMITED_SUCCESSFUL_CALLS = 2
    """After ``number_of_calls`` calls that succeeded it does not answer until the next window."""
    NO_MODEM_CONNECTED = 3


class AutoAnswerStatus(IntEnum):
    """``status`` of an auto answer."""

    INACTIVE = 0
    ACTIVE = 1
    LOCKED = 2


class CallType(IntEnum):
    """What a call of an allowed caller is for."""

    NORMAL_CSD_CALL = 0
    WAKE_UP_REQUEST = 1


class AutoConnectMode(IntEnum):
    """``mode`` of an auto connect, or of an auto dial up to 3. From 200 on it is the manufacturer's."""

    NO_AUTO_CONNECT = 0
    ANYTIME = 1
    WITHIN_CALLING_WINDOW = 2
    REGULAR_WITHIN_CALLING_WINDOW_ALARMS_ANYTIME = 3
    SMS_BY_PLMN = 4
    SMS_BY_PSTN = 5
    EMAIL = 6
    PERMANENTLY_CONNECTED = 101
    PERMANENTLY_WITHIN_CALLING_WINDOW_ELSE_NOT = 102
    PERMANENTLY_WITHIN_CALLING_WINDOW_ELSE_INVOKED = 103
    INVOKED = 104


class NetworkStatus(IntEnum):
    """``status`` of a GSM diagnostic: how the modem is registered."""

    NOT_REGISTERED = 0
    REGISTERED_HOME_NETWORK = 1
    SEARCHING = 2
    REGISTRATION_DENIED = 3
    UNKNOWN = 4
    REGISTERED_ROAMING = 5


class CircuitSwitchedStatus(IntEnum):
    """``cs_attachment`` of a GSM diagnostic."""

    INACTIVE = 0
    INCOMING_CALL = 1
    ACTIVE = 2


class PacketSwitchedStatus(IntEnum):
    """``ps_status`` of a GSM diagnostic; from 5 on in version 1, from 7 on in version 2."""

    INACTIVE = 0
    GPRS = 1
    EDGE = 2
    UMTS = 3
    HSDPA = 4
    LTE = 5
    CDMA = 6
    LTE_CAT_M1 = 7
    LTE_CAT_NB1 = 8
    LTE_CAT_NB2 = 9


class CoverageEnhancement(IntEnum):
    """The coverage enhancement of LTE Cat-M and NB-IoT."""

    LEVEL_0 = 0
    LEVEL_1 = 1
    LEVEL_2 = 2
