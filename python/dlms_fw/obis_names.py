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
    31: "limit threshold",
    35: "missing threshold",
    39: "missing duration",
}
"""Value group D of electricity."""
_INTEGRALS: Final = {8, 9, 29}

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
    (24, 1, None): "M-Bus client",
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
    (96, 3, 10): "disconnect control",
    (96, 6, None): "battery",
    (96, 7, 21): "number of power failures",
    (96, 7, 19): "duration of last long power failure",
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
        for key, suffix in (((c, d, e), ""), ((c, d, None), f" {e}" if e else "")):
            if key in _ABSTRACT:
                return _ABSTRACT[key] + suffix
    if 128 <= c <= 199 or c == 240 or 128 <= d <= 199 or 128 <= e <= 199:
        return f"manufacturer specific {MEDIA.get(a, f'medium {a}')} {c}.{d}.{e}"
    return f"{MEDIA.get(a, f'medium {a}')} {c}.{d}.{e}"


def _electricity(c: int, d: int, e: int) -> str | None:
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
