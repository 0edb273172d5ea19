"""What is known of the referees: their words, what they lack, and where they differ from the standard.

A difference is told by the value alone, never by what came out, so that nothing of ours hides behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from differential import gurux_xml
from differential.compare import PLAIN, THEY_ENCODE, WE_ENCODE, Dialect, Difference
from differential.kinds import ALL_TYPES, Vocabulary

NUMBERS = (
    "double-long",
    "double-long-unsigned",
    "integer",
    "long",
    "unsigned",
    "long-unsigned",
    "long64",
    "long64-unsigned",
    "enum",
)
COSEM_CONFORMANCE = 0x62_FEDF
_COSEM = {
    "selections": ("range",),
    "conformance": COSEM_CONFORMANCE,
    "contexts": (1,),
    "protections": (0x30,),
}


def _without(characters: str) -> str:
    return "".join(it for it in Vocabulary().text if it not in characters)


WORDS = {
    "dlms-cosem": {
        WE_ENCODE: Vocabulary(types=("null-data", "boolean", "octet-string", *NUMBERS), **_COSEM),
        THEY_ENCODE: Vocabulary(types=("octet-string", *NUMBERS), constructed=("structure",), **_COSEM),
    },
    "gurux-dlms": {
        # What it reads comes back as XML, in which it does not escape text.
        WE_ENCODE: Vocabulary(
            types=tuple(name for name in ALL_TYPES if name != "date"), text=_without('<>&"'), curves=(1,)
        ),
        # It gives requests an invoke id of its own, and takes an asterisk for a template.
        THEY_ENCODE: Vocabulary(invokes=(1,), text=_without("*"), curves=(1,)),
    },
}
DIALECTS = {"dlms-cosem": PLAIN, "gurux-dlms": Dialect(gurux_xml.says, gurux_xml.hears)}
SCRIPTS = {"dlms-cosem": "cosem_referee.py", "gurux-dlms": "gurux_referee.py"}


# --- Predicates ---------------------------------------------------------------------------------------------


def _values(it: Any) -> Iterator[list[Any]]:
    """All values of Data within an abstract value."""
    if isinstance(it, dict):
        for member in it.values():
            yield from _values(member)
    elif isinstance(it, list):
        if len(it) == 2 and isinstance(it[0], str):
            yield it
            if it[0] not in ("array", "structure"):
                return
        for member in it:
            yield from _values(member)


def _any(name: str, is_so: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Whether there is such a value of this type within an abstract value."""
    return lambda value: any(it[0] == name and is_so(it[1]) for it in _values(value))


def _with_time(value: Any) -> bool:
    return any(name in ("date-time", "time") for name, _ in _values(value))


def _selections(value: Any) -> list[Any]:
    found = [value.get("selection"), *(item[1] for item in value.get("items", []))]
    return [it for it in found if it is not None]


def _clock_status(value: Any) -> bool:
    """Within the times of a range."""
    return any(time[1][-2:] != "00" for _, (_, members) in _selections(value) for time in members[1:3])


def _initiate(value: Any) -> Any:
    return value.get("initiate") or value


def _long_ber(value: Any) -> bool:
    """An AARQ or AARE of more than 127 octets."""
    contents = len(value["value"] or "") // 2 + (12 if value["title"] else 0)
    if "user" in value:
        contents += (5 if value["user"] is not None else 0) + (
            0 if value["initiate"]["response_allowed"] else 1
        )
        return contents > 127 - 46
    return contents > 127 - 58


_WITH_DATA = (
    "data",
    "get-response",
    "get-response-list",
    "set-request",
    "set-request-list",
    "action-request",
    "action-response",
    "data-notification",
    "event-notification",
    "access-request",
    "access-response",
    "read-response",
    "write-request",
    "information-report",
)
_BOTH = (WE_ENCODE, THEY_ENCODE)
DIFFERENCES = {
    "dlms-cosem": (
        Difference(
            "octet-strings of 128 octets and more",
            ("octet-string", *_WITH_DATA),
            (THEY_ENCODE,),
            _any("octet-string", lambda content: len(content) > 2 * 127),
            "A-XDR writes lengths from 128 on in more than one octet; the referee always writes one.",
        ),
        Difference(
            "clock status in a range",
            ("get-request", "get-request-list", "set-request"),
            _BOTH,
            _clock_status,
            "The clock status is a part of date-time; the referee leaves it out of its range descriptor.",
        ),
        Difference(
            "selection before the last item of a list",
            ("get-request-list",),
            (WE_ENCODE,),
            lambda value: any(selection for _, selection in value["items"][:-1]),
            "Each item of a list has its own access selection; the referee reads one to the end of the APDU.",
        ),
        Difference(
            "access selection in SET",
            ("set-request",),
            (WE_ENCODE,),
            lambda value: value["selection"] is not None,
            "SET has access selection as GET has; the referee says that it does not know it.",
        ),
        Difference(
            "lists of 128 items and more",
            ("get-request-list", "get-response-list"),
            (WE_ENCODE,),
            lambda value: len(value["items"]) > 127,
            "A-XDR writes counts from 128 on in more than one octet; the referee reads one.",
        ),
        Difference(
            "clock status of a notification",
            ("data-notification",),
            _BOTH,
            lambda value: value["time"][-2:] not in ("", "00"),
            "The clock status is a part of date-time; the referee leaves it out of its DataNotification.",
        ),
        Difference(
            "length of the time of a notification",
            ("data-notification",),
            (THEY_ENCODE,),
            lambda value: bool(value["time"]),
            "date-time is an OCTET STRING: its length is 12; the referee writes the 1 of an OPTIONAL.",
        ),
        Difference(
            "invocation counter of an exception",
            ("exception-response",),
            (THEY_ENCODE,),
            lambda value: value["counter"] is not None,
            "invocation-counter-error carries an Unsigned32; the referee writes one octet.",
        ),
        Difference(
            "conformance of a request",
            ("initiate-request", "aarq", "rlrq"),
            (WE_ENCODE,),
            lambda value: _initiate(value).get("conformance", 0) > 0xFFFF,
            "Conformance has 24 bits; the referee reads the last 16 of an InitiateRequest.",
        ),
        Difference(
            "response not allowed",
            ("initiate-request", "aarq", "rlrq"),
            (THEY_ENCODE,),
            lambda value: not _initiate(value).get("response_allowed", True),
            "response-allowed is a BOOLEAN DEFAULT TRUE; the referee never writes FALSE.",
        ),
        Difference(
            "association APDUs of 128 octets and more",
            ("aarq", "aare"),
            _BOTH,
            _long_ber,
            "BER writes lengths from 128 on in more than one octet; the referee reads and writes one.",
        ),
        Difference(
            "ciphered APDUs of 128 octets and more",
            ("general-glo",),
            (THEY_ENCODE,),
            lambda value: 5 + len(value["apdu"]) // 2 + 12 > 127,
            "A-XDR writes lengths from 128 on in more than one octet; the referee always writes one.",
        ),
        Difference(
            "empty release",
            ("rlrq", "rlre"),
            (WE_ENCODE,),
            lambda value: value["reason"] is None and value["initiate"] is None,
            "All fields of RLRQ and RLRE are optional; the referee reads on where there is none.",
        ),
    ),
    "gurux-dlms": (
        Difference(
            "beginning and end of daylight saving",
            ("date-time", *_WITH_DATA),
            _BOTH,
            _any("date-time", lambda content: content[4:6] in ("fd", "fe")),
            "In month, FD is the end and FE the begin of daylight saving; the referee exchanges them.",
        ),
        Difference(
            "deviation in XML",
            gurux_xml.WRITTEN,
            (THEY_ENCODE,),
            _any("date-time", lambda content: content[18:22] != "8000"),
            "A date-time has a deviation; the referee does not write it from its XML.",
        ),
        Difference(
            "date-time in XML with a time of its own",
            ("access-request", "information-report"),
            (THEY_ENCODE,),
            lambda value: bool(value.get("time")) or _with_time(value),
            "Beside the time of the APDU there may be others in its data; the referee raises at any.",
        ),
        Difference(
            "access selection in ACCESS",
            ("access-request",),
            _BOTH,
            lambda value: any(item[2] for item in value["items"]),
            "The specification of ACCESS has get-with-selection; the referee does not know it.",
        ),
        Difference(
            "options of ACCESS",
            ("access-request",),
            (THEY_ENCODE,),
            lambda value: bool(value["invoke"] >> 24 & 0x30),
            "Long-invoke-id-and-priority has four options; the referee writes two of them.",
        ),
        Difference(
            "errors in an ACCESS response",
            ("access-response",),
            (WE_ENCODE,),
            lambda value: any(result for _, result, _ in value["items"]),
            "A result is one octet; the referee reads another one behind each that is not 0.",
        ),
        Difference(
            "request in an ACCESS response",
            ("access-response",),
            (WE_ENCODE,),
            lambda value: value["asked"] is not None,
            "An ACCESS response may repeat what was asked for; the referee takes its count for a tag.",
        ),
        Difference(
            "header in the tag of general-ciphering",
            ("general-ciphering",),
            _BOTH,
            lambda value: value["protection"] == 0x10 or (value["suite"], value["protection"]) == (0, 0x30),
            "The header is authenticated; the referee leaves it out in suite 0, and without encryption.",
        ),
        Difference(
            "last general block that is full",
            ("general-blocks",),
            (THEY_ENCODE,),
            lambda value: not len(value["apdu"]) // 2 % (value["size"] - 7),
            "The last block says that it is; the referee does not say so of one without room for more.",
        ),
        Difference(
            "general blocks of 128 octets and more",
            ("general-blocks",),
            (THEY_ENCODE,),
            lambda value: value["size"] > 134,
            "The length of a block may have several octets; the referee counts one, and cuts too long ones.",
        ),
        Difference(
            "parameterised access",
            ("write-request",),
            (WE_ENCODE,),
            lambda value: any(parameterised for _, parameterised in value["variables"]),
            "A variable may have parameterised access; the referee reads names alone in a WriteRequest.",
        ),
        Difference(
            "parameterised access before the last variable",
            ("read-request",),
            (THEY_ENCODE,),
            lambda value: any(parameterised for _, parameterised in value["variables"][:-1]),
            "Each variable has its own parameter; the referee writes the parameters behind all names.",
        ),
        Difference(
            "several results of Read",
            ("read-response",),
            (THEY_ENCODE,),
            lambda value: len(value["results"]) > 1,
            "Each result is a CHOICE with its own tag; the referee leaves out tags behind the first.",
        ),
        Difference(
            "errors among the results of Write",
            ("write-response",),
            (THEY_ENCODE,),
            lambda value: len(value["results"]) > 1 and any(value["results"]),
            "Results stand in the order of the variables; the referee puts errors last.",
        ),
        Difference(
            "initiate in RLRE",
            ("rlre",),
            (WE_ENCODE,),
            lambda value: value["initiate"] is not None,
            "RLRE may carry an InitiateResponse; the referee's XML of it is not closed.",
        ),
        Difference(
            "day of the week of a date",
            ("date", *_WITH_DATA),
            _BOTH,
            _any("date", lambda content: content[8:10] != "ff"),
            "A date has its day of the week; the referee leaves it unspecified.",
        ),
        Difference(
            "hundredths of a time",
            ("time", *_WITH_DATA),
            _BOTH,
            _any("time", lambda content: content[6:8] not in ("00", "ff")),
            "A time has hundredths; the referee writes 00.",
        ),
        Difference(
            "lengths of 65536 and more",
            ("length",),
            _BOTH,
            lambda value: value > 0xFFFF,
            "A length has as many octets as it needs; the referee knows one, two and four.",
        ),
        Difference(
            "access selection in a list",
            ("get-request-list", "set-request-list"),
            _BOTH,
            lambda value: bool(_selections(value)),
            "Each item of a list has its own access selection; the referee leaves it out or puts it last.",
        ),
        Difference(
            "access selection in SET",
            ("set-request",),
            (WE_ENCODE,),
            lambda value: value["selection"] is not None,
            "SET has access selection as GET has; the referee reads it as the value.",
        ),
        Difference(
            "errors in a list",
            ("get-response-list",),
            (WE_ENCODE,),
            lambda value: any(result for result, _ in value["items"]),
            "Each item of a list may be a data-access-result; the referee leaves it out of what it has read.",
        ),
        Difference(
            "no return parameters",
            ("action-response",),
            (THEY_ENCODE,),
            lambda value: value["item"][1:] == [None, None],
            "return-parameters is OPTIONAL, so its absence is written as 00; the referee writes nothing.",
        ),
        Difference(
            "service errors above other-reason",
            ("exception-response",),
            (THEY_ENCODE,),
            lambda value: value["service"] > 3,
            "The Green Book has service-error 4 to 6 as well; the referee does not write them.",
        ),
        Difference(
            "long invoke id 0",
            ("data-notification",),
            (THEY_ENCODE,),
            lambda value: value["invoke"] == 0,
            "0 is a long-invoke-id as any other; the referee puts one of its own in its place.",
        ),
        Difference(
            "time of an event",
            ("event-notification",),
            (THEY_ENCODE,),
            lambda value: value["time"] is not None,
            "time is an OCTET STRING OPTIONAL: 01 and its length; the referee writes the tag of Data, 09.",
        ),
        Difference(
            "response not allowed",
            ("initiate-request", "aarq", "rlrq"),
            _BOTH,
            lambda value: not _initiate(value).get("response_allowed", True),
            "response-allowed is a BOOLEAN DEFAULT TRUE; the referee neither writes nor keeps FALSE.",
        ),
        Difference(
            "wrapped keys of 32 octets",
            ("key-wrap",),
            (THEY_ENCODE,),
            lambda value: value["suite"] == 2,
            "Keys of security suite 2 have 32 octets; the referee wraps with keys of 16 octets only.",
        ),
        Difference(
            "release without a reason",
            ("rlrq", "rlre"),
            (WE_ENCODE,),
            lambda value: value["reason"] is None and value["initiate"] is not None,
            "All fields of RLRQ and RLRE are optional; the referee reads the next one as the reason.",
        ),
    ),
}
