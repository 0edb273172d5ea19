"""What a logical name stands for, in words: ``1-0:1.8.0.255`` is "active energy import, total".

Tables of the value groups of the Blue Book, and of the well-known abstract objects. A name that the tables do
not know is described as far as they reach. Knows no objects and no meters.
"""

from __future__ import annotations

from typing import Final

from dlms_fw.logical_name import LogicalName, LogicalNameLike

__all__ = ["MEDIA", "obis_name"]

MEDIA: Final[dict[int, str]] = {
    0: "abstract",
    1: "electricity",
    4: "heat cost allocator",
    5: "cooling",
    6: "heat",
    7: "gas",
    8: "cold water",
    9: "hot water",
    15: "other",
}
"""Value group A."""

_POWERS: Final[dict[int, str]] = {
    1: "active {} import",
    2: "active {} export",
    3: "reactive {} import",
    4: "reactive {} export",
    5: "reactive {} quadrant I",
    6: "reactive {} quadrant II",
    7: "reactive {} quadrant III",
    8: "reactive {} quadrant IV",
    9: "apparent {} import",
    10: "apparent {} export",
    15: "active {} import plus export",
    16: "active {} import minus export",
}
"""Value group C of electricity where it is a power or its integral; 20, 40 and 60 more are one phase."""

_OTHERS: Final[dict[int, str]] = {11: "current", 12: "voltage", 13: "power factor", 14: "frequency"}
_SINGLE: Final[dict[int, str]] = {
    82: "unitless quantity",
    88: "ampere-squared hours",
    89: "volt-squared hours",
    90: "current, sum of the phases",
    91: "current in the neutral",
    92: "voltage of the neutral",
}
_PHASES: Final[dict[int, str]] = {0: "", 20: " L1", 40: " L2", 60: " L3"}

_PROCESSING: Final[dict[int, str]] = {
    2: "cumulative maximum",
    3: "minimum",
    4: "current average",
    5: "last average",
    6: "maximum",
    7: "instantaneous",
    8: "",
    9: "time integral of the billing period",
    24: "average",
    25: "last average of load profile",
    29: "time integral of the recording interval",
    31: "lower limit",
    32: "times below the limit",
    33: "time below the limit",
    34: "magnitude below the limit",
    35: "upper limit",
    36: "times above the limit",
    37: "time above the limit",
    38: "magnitude above the limit",
    39: "limit of missing",
    40: "times missing",
    41: "time missing",
    42: "magnitude when missing",
    43: "least time below the limit",
    44: "least time above the limit",
    45: "least time missing",
}
"""Value group D of electricity."""
_INTEGRALS: Final = {8, 9, 29}

_ELECTRICITY_GENERAL: Final[dict[tuple[int, int | None], str]] = {
    (0, None): "electricity identifier",
    (1, 0): "billing period counter",
    (1, 1): "number of available billing periods",
    (1, 2): "time stamp of the billing period",
    (2, 0): "active firmware identifier",
    (2, 1): "parameter record number",
    (2, 2): "time switch program number",
    (2, 3): "RCR program number",
    (2, 4): "meter connection diagram identifier",
    (2, 7): "passive calendar name",
    (2, 8): "active firmware signature",
    (3, 0): "meter constant, active energy, LED",
    (3, 1): "meter constant, reactive energy, LED",
    (3, 2): "meter constant, apparent energy, LED",
    (3, 3): "meter constant, active energy, output pulse",
    (3, 4): "meter constant, reactive energy, output pulse",
    (3, 5): "meter constant, apparent energy, output pulse",
    (4, 0): "reading factor for power",
    (4, 1): "reading factor for energy",
    (4, 2): "current transformer ratio, numerator",
    (4, 3): "voltage transformer ratio, numerator",
    (4, 4): "overall transformer ratio, numerator",
    (4, 5): "current transformer ratio, denominator",
    (4, 6): "voltage transformer ratio, denominator",
    (4, 7): "overall transformer ratio, denominator",
    (6, 0): "nominal voltage",
    (6, 1): "nominal current",
    (6, 2): "nominal frequency",
    (6, 3): "maximum current",
    (8, 0): "measurement period 1",
    (8, 1): "measurement period 2",
    (8, 2): "measurement period 3",
    (8, 4): "recording interval of load profile 1",
    (8, 5): "recording interval of load profile 2",
    (8, 6): "billing period",
    (9, 0): "time since the end of the billing period",
    (9, 1): "local time",
    (9, 2): "local date",
}
"""Value groups D and E of electricity where C is 0; ``None`` is any E."""
_OF_POWER_FAILURES: Final = (96, 7)
_POWER_FAILURES: Final = (
    "number of power failures",
    "number of long power failures",
    "time of power failure",
    "duration of long power failure",
)
"""Of 96.7, five of each by the phases below; what stands elsewhere is in the table of abstract objects."""
_FAILED_PHASES: Final = ("in all phases", "in L1", "in L2", "in L3", "in any phase")
_ABSTRACT: Final[dict[tuple[int, int, int | None], str]] = {
    (0, 1, 0): "billing period counter",
    (0, 2, 0): "active firmware identifier",
    (0, 2, 8): "active firmware signature",
    (1, 0, None): "clock",
    (2, 0, 0): "modem configuration",
    (2, 1, 0): "auto connect",
    (2, 2, 0): "auto answer",
    (10, 0, 0): "global meter reset script table",
    (10, 0, 1): "MDI reset script table",
    (10, 0, 100): "tariffication script table",
    (10, 0, 101): "activate test mode script table",
    (10, 0, 103): "set output signals script table",
    (10, 0, 105): "power quality measurement script table",
    (10, 0, 106): "disconnect control script table",
    (10, 0, 107): "image activation script table",
    (10, 0, 108): "push script table",
    (10, 0, 109): "load profile control script table",
    (10, 0, 110): "M-Bus profile control script table",
    (10, 0, 111): "function control script table",
    (11, 0, None): "special days table",
    (12, 0, None): "schedule",
    (13, 0, None): "activity calendar",
    (14, 0, None): "register activation",
    (15, 0, 0): "end of billing period scheduler",
    (15, 0, 1): "disconnect control scheduler",
    (15, 0, 2): "image activation scheduler",
    (15, 0, 3): "output control scheduler",
    (15, 0, 4): "push scheduler",
    (15, 0, 5): "load profile control scheduler",
    (15, 0, 6): "M-Bus profile control scheduler",
    (15, 0, 7): "function control scheduler",
    (16, 0, None): "register monitor",
    (16, 1, None): "alarm monitor",
    (17, 0, None): "limiter",
    (19, 0, None): "account",
    (20, 0, None): "IEC local port setup",
    (22, 0, None): "IEC HDLC setup",
    (24, 0, None): "M-Bus slave port setup",
    (24, 1, None): "M-Bus client",
    (24, 2, None): "M-Bus value",
    (24, 3, None): "M-Bus profile",
    (24, 4, None): "M-Bus disconnect control",
    (24, 5, None): "M-Bus control log",
    (24, 6, None): "M-Bus master port setup",
    (25, 0, None): "TCP-UDP setup",
    (25, 1, None): "IPv4 setup",
    (25, 2, None): "MAC address setup",
    (25, 3, None): "PPP setup",
    (25, 4, None): "GPRS modem setup",
    (25, 5, None): "SMTP setup",
    (25, 6, None): "GSM diagnostic",
    (25, 7, None): "IPv6 setup",
    (25, 9, None): "push setup",
    (40, 0, 0): "current association",
    (40, 0, None): "association",
    (41, 0, 0): "SAP assignment",
    (42, 0, 0): "logical device name",
    (43, 0, None): "security setup",
    (43, 1, None): "invocation counter",
    (43, 2, None): "data protection",
    (44, 0, None): "image transfer",
    (44, 1, None): "function control",
    (44, 2, None): "communication port protection",
    (96, 1, None): "device identifier",
    (96, 2, 0): "number of configuration changes",
    (96, 2, 1): "date of the last configuration change",
    (96, 2, 5): "date of the last calibration",
    (96, 2, 7): "date on which the passive calendar is activated",
    (96, 2, 12): "date of the last clock setting",
    (96, 2, 13): "date of the last firmware activation",
    (96, 3, 0): "control signals",
    (96, 3, 1): "input control signals",
    (96, 3, 2): "output control signals",
    (96, 3, 10): "disconnect control",
    (96, 5, None): "internal operating status",
    (96, 6, 0): "battery use time",
    (96, 6, 1): "battery charge",
    (96, 6, 3): "battery voltage",
    (96, 6, 6): "battery time left",
    (96, 6, None): "battery",
    (96, 7, 4): "number of failures of the auxiliary supply",
    (96, 7, 20): "least duration of a long power failure",
    (96, 7, 21): "number of power failures in any phase",
    (96, 8, None): "operating time",
    (96, 10, None): "status register",
    (96, 11, None): "event code",
    (96, 13, None): "consumer message",
    (96, 14, None): "currently active tariff",
    (96, 15, None): "event counter",
    (97, 97, None): "error object",
    (97, 98, 0): "alarm register",
    (97, 98, 10): "alarm filter",
    (97, 98, 20): "alarm descriptor",
    (98, 1, None): "billing period data",
    (99, 1, None): "load profile",
    (99, 2, None): "load profile",
    (99, 97, None): "power failure log",
    (99, 98, 0): "standard event log",
    (99, 98, 1): "fraud detection log",
    (99, 98, 2): "disconnect control log",
    (99, 98, 4): "power quality log",
    (99, 98, 5): "communication log",
    (99, 98, None): "event log",
}
"""Value groups C, D and E of abstract objects; ``None`` is any E."""
_IN_EVERY_MEDIUM: Final = {0, 96, 97, 98, 99}
"""What the abstract objects and the media have in common, by value group C."""


def obis_name(name: LogicalNameLike) -> str:
    """What a logical name stands for, e.g. ``"active energy import, tariff 2"``.

    The channel is told where it is not 0, a historical value by its number. What the tables do not know is
    told by its value groups, so that there is always an answer.

    Raises:
        ValueError: The text is no logical name.
    """
    a, b, c, d, e, f = LogicalName(name).to_bytes()
    parts = [_object(a, c, d, e)]
    if b:
        parts.append(f"channel {b}")
    if f != 255:
        parts.append(f"billing period {f}")
    return ", ".join(parts)


def _object(a: int, c: int, d: int, e: int) -> str:
    if a == 1 and (known := _electricity(c, d, e)) is not None:
        return known
    if a == 0 or c in _IN_EVERY_MEDIUM:
        known = (
            _ABSTRACT.get((c, d, e)) or _power_failures(c, d, e) or _numbered(_ABSTRACT.get((c, d, None)), e)
        )
        if known is not None:
            return known
    if 128 <= c <= 199 or c == 240 or 128 <= d <= 199 or 128 <= e <= 199:
        return f"manufacturer specific {MEDIA.get(a, f'medium {a}')} {c}.{d}.{e}"
    return f"{MEDIA.get(a, f'medium {a}')} {c}.{d}.{e}"


def _numbered(text: str | None, e: int) -> str | None:
    """Of several alike, each but the first with its number."""
    return f"{text} {e}" if text is not None and e else text


def _power_failures(c: int, d: int, e: int) -> str | None:
    kind, phases = divmod(e, len(_FAILED_PHASES))
    if (c, d) != _OF_POWER_FAILURES or kind >= len(_POWER_FAILURES):
        return None
    return f"{_POWER_FAILURES[kind]} {_FAILED_PHASES[phases]}"


def _electricity(c: int, d: int, e: int) -> str | None:
    if c == 0:
        return _ELECTRICITY_GENERAL.get((d, e)) or _numbered(_ELECTRICITY_GENERAL.get((d, None)), e)
    processing = _PROCESSING.get(d)
    if processing is None:
        return None
    quantity = _SINGLE.get(c)
    for base, phase in _PHASES.items():
        if c - base in _POWERS:
            kind = "energy" if d in _INTEGRALS else "power"
            quantity = _POWERS[c - base].format(kind) + phase
        elif c - base in _OTHERS:
            quantity = _OTHERS[c - base] + phase
    if quantity is None:
        return None
    rate = "total" if e == 0 and d in _INTEGRALS else f"tariff {e}" if e else ""
    return ", ".join(part for part in (quantity, processing, rate) if part)
