"""What a referee cannot do, with a value that shows it: the test has it refused, or read as something else.

It is neither generated nor counted. Where a referee has no function at all there is no value to try.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from differential.compare import THEY_ENCODE, WE_ENCODE


@dataclass(frozen=True)
class Absent:
    """One thing that a referee lacks; without ``kind`` there is no function to call."""

    what: str
    reason: str
    kind: str | None = None
    direction: str = WE_ENCODE
    value: Any = None


_ENTRY = [
    2,
    ["structure", [["double-long-unsigned", 1], ["double-long-unsigned", 0]] + [["long-unsigned", 0]] * 2],
]
_TODAY = "07ea010104080000000000" + "00"
_READ_ONLY = "It reads the type, and has no encoder for it."


def _data(name: str, value: Any, reason: str, direction: str = WE_ENCODE) -> Absent:
    return Absent(name, reason, "data", direction, [name, value])


_NO_CONVERSION = "It knows the tag, and has no conversion for it."
ABSENT = {
    "dlms-cosem": (
        _data("bit-string", "101", _NO_CONVERSION),
        _data("visible-string", "dlms", _NO_CONVERSION),
        _data("utf8-string", "dlms", _NO_CONVERSION),
        _data("bcd", 0x12, _NO_CONVERSION),
        _data("float32", "3f800000", _NO_CONVERSION),
        _data("float64", "3ff0000000000000", _NO_CONVERSION),
        _data("date-time", _TODAY, "It makes a datetime of it, which does not go back to octets."),
        _data("date", _TODAY[:10], "It makes a date of it, which does not go back to octets."),
        _data("time", _TODAY[10:18], "It makes a time of it, which does not go back to octets."),
        _data("null-data", None, _READ_ONLY, THEY_ENCODE),
        _data("boolean", True, _READ_ONLY, THEY_ENCODE),
        _data("array", [["unsigned", 1]], "Its encoder of an array raises.", THEY_ENCODE),
        Absent(
            "entry_descriptor",
            "Selective access by entry is not implemented.",
            "get-request",
            WE_ENCODE,
            {"invoke": 1, "attribute": [7, "0100630100ff", 2], "selection": _ENTRY},
        ),
        Absent(
            "short-name contexts",
            "It refuses application contexts 2 and 4.",
            "aarq",
            WE_ENCODE,
            {
                "context": 2,
                "mechanism": None,
                "value": None,
                "title": None,
                "user": None,
                "initiate": {
                    "conformance": 0x1C00,
                    "size": 512,
                    "dedicated_key": None,
                    "response_allowed": True,
                },
            },
        ),
        Absent(
            "services by short name in conformance",
            "It has no names for these bits of the conformance block, and drops them.",
            "initiate-response",
            WE_ENCODE,
            {"conformance": 0x1C_0120, "size": 512, "vaa_name": 7},
        ),
        Absent("GET response, normal, to write", "The encoder of a normal GET response raises."),
        Absent("SET and ACTION with a list, or in blocks", "Only the normal forms are implemented."),
        Absent("event-notification, ACCESS, general block transfer", "There is no class for these APDUs."),
        Absent("compact array", _NO_CONVERSION),
        Absent(
            "protection by authentication or encryption alone",
            "It applies both, whatever the security control says.",
            "general-glo",
            WE_ENCODE,
            {"suite": 0, "protection": 0x10, "counter": 1, "apdu": "c001c100010000600100ff0200"},
        ),
        Absent("glo- and ded- services", "It ciphers services with general-glo-ciphering only."),
        Absent(
            "dedicated keys, general-ciphering, general-signing",
            "It has no function for any but the global keys.",
        ),
        Absent("UA that answers DISC", "It takes no UA without an information field."),
        Absent("HDLC frames of a client, to read", "Its parsers take what a server sends."),
        Absent("asymmetric keys", "There is nothing of security suites 1 and 2 but AES."),
    ),
    "gurux-dlms": (
        _data("date", _TODAY[:10], "Its translator to XML raises at a date; it is tried by itself instead."),
        Absent("don't-care", "It does not know the tag."),
        Absent("delta types", "Its Data has no tags 28 to 33."),
        Absent("compact array, to write", "It does not know the types of the elements of a list of Python."),
        Absent("ACTION with a list", "It takes the count of the list for the class of the object."),
        Absent("SET and ACTION response lists, to write", "Its translator raises where it should count."),
        Absent("WriteRequest, to write", "Its translator writes the count of the values twice."),
        Absent("UnconfirmedWriteRequest", "Its translator gives the octets back as they are."),
        Absent("ACCESS response, to write", "Its translator leaves out the count of the results."),
        Absent(
            "profile in a meter", "Its server object compares a date with a number, and counts no columns."
        ),
        Absent(
            "challenges of mechanism 7",
            "Its own have 16 octets always, and 32 are the least; it takes longer ones that it is given.",
        ),
        Absent(
            "signatures with P-384",
            "It takes the key, and then says that its scheme is invalid, to sign and to verify.",
        ),
        Absent(
            "general-ciphering as a whole",
            "Its reader raises at the title, and its writer has no header: both are put around what it "
            "ciphers; the transaction id is the counter, as it has it in the tag.",
        ),
        Absent("keys of general-ciphering", "It has neither wrapped nor agreed nor identified keys."),
        Absent("general-signing", "It knows the tag, and has no function for it."),
        Absent("general blocks in XML", "Its translator reads them, and does not know them when it writes."),
        Absent("key agreement", "Its shared secret is made from a key that it cannot take as a number."),
        Absent("wrapped keys, to read", "Its way back raises before it begins."),
        Absent("AARE with a challenge, to write", "Its encoder raises where the title belongs."),
    ),
}
