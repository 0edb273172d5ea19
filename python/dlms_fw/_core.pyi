"""The contract of the compiled core: what has a wire form, and every state that an octet passes through.

All errors raised here are those of :mod:`dlms_fw.errors`. ``Buffer`` arguments take ``bytes``, ``bytearray``
and contiguous ``memoryview`` objects of octets.
"""

import select
from asyncio import WriteTransport
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date as _date
from datetime import datetime as _datetime
from datetime import time as _time
from typing import Any, Final, Literal, Protocol, Self, TypeAlias, final, type_check_only

from typing_extensions import Buffer, disjoint_base

from dlms_fw.errors import LinkError

__all__ = [
    "RANDOMNESS_LENGTH",
    "AccessRequest",
    "AccessResponse",
    "ActionRequest",
    "ActionResponse",
    "ApduReceiver",
    "AssociationRequest",
    "AssociationResponse",
    "BitString",
    "BlockProtocol",
    "BlockRun",
    "BlockSink",
    "BlockStatus",
    "Channel",
    "ConfirmedServiceError",
    "Data",
    "DataNotification",
    "DataNotificationConfirm",
    "Date",
    "DateTime",
    "Discarded",
    "EventNotification",
    "ExceptionResponse",
    "Gateway",
    "GetRequest",
    "GetResponse",
    "HdlcAddress",
    "HdlcFrame",
    "HdlcFraming",
    "ImageBlock",
    "ImageBlocks",
    "InformationReport",
    "InitiateRequest",
    "InitiateResponse",
    "Key",
    "Limits",
    "LinePoller",
    "LinkConnected",
    "LinkDisconnected",
    "PeerChanged",
    "PrivateKey",
    "PublicKey",
    "ReadRequest",
    "ReadResponse",
    "ReceivedApdu",
    "ReleaseRequest",
    "ReleaseResponse",
    "RequestList",
    "ResponseList",
    "Schema",
    "SecurityContext",
    "SetRequest",
    "SetResponse",
    "Time",
    "UnconfirmedFrame",
    "WrapperFraming",
    "WriteRequest",
    "WriteResponse",
    "__version__",
    "annotate",
    "block_digests",
    "converse",
    "decode_apdu",
    "decode_record",
    "derive_key",
    "encode_record",
    "expand_rows",
    "fcs16",
    "fcs16_portable",
    "image_digests",
    "store_image_blocks",
    "stored_block_digest",
    "wrapper_message_lengths",
]

RANDOMNESS_LENGTH: Final[int]
__version__: Final[str]

# --- A-XDR

@final
class Limits:
    """How much of what comes is believed in one decoding; every decoder takes one. Frozen.

    All that a decoding makes is bounded by the octets that came too, whatever is announced in them.
    """

    def __new__(
        cls,
        *,
        max_depth: int = ...,
        max_elements: int = ...,
        max_expansion: int = ...,
        max_length: int = ...,
    ) -> Limits:
        """Limits; what is left out stays as it is by default.

        ``max_depth`` (16, at most 64): arrays, structures and compact arrays nested in each other; beyond
        it the error is ``too-deep``. ``max_elements`` (16,777,216): values that one data is made of, at all
        levels, and elements of one list in an APDU; ``element-limit``. ``max_expansion`` (262,144): values
        without octets of their own, such as null-data, that the compact arrays of one data may expand to;
        ``expansion-limit``. ``max_length`` (268,435,456): octets of one string, or of the contents of one
        compact array; ``length-too-large``.

        Raises ValueError for a ``max_depth`` above 64.
        """

    @property
    def max_depth(self) -> int: ...
    @property
    def max_elements(self) -> int: ...
    @property
    def max_expansion(self) -> int: ...
    @property
    def max_length(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class BitString:
    """An A-XDR bit-string: exact number of bits; bit 0 is the most significant bit of the first octet."""

    def __new__(cls, bits: Iterable[bool] = ...) -> BitString: ...
    @staticmethod
    def from_bytes(octets: Buffer, length: int) -> BitString:
        """The first ``length`` bits of ``octets``.

        Raises ValueError where there are fewer, or more octets than needed.
        """

    @property
    def octets(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> bool: ...
    def __iter__(self) -> Iterator[bool]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Date:
    """A COSEM date (5 octets).

    ``None`` means not specified; 0xFD and 0xFE in month and day keep their special meaning.
    """

    def __new__(
        cls,
        year: int | None = ...,
        month: int | None = ...,
        day_of_month: int | None = ...,
        day_of_week: int | None = ...,
    ) -> Date: ...
    @staticmethod
    def from_bytes(octets: Buffer) -> Date: ...
    @staticmethod
    def from_date(value: _date) -> Date:
        """A day of the calendar, its weekday filled in."""

    def to_bytes(self) -> bytes: ...
    def to_date(self) -> _date:
        """The day, where it is one; the weekday is not compared.

        Raises ValueError where a field is unspecified, special or impossible.
        """

    @property
    def year(self) -> int | None: ...
    @property
    def month(self) -> int | None: ...
    @property
    def day_of_month(self) -> int | None: ...
    @property
    def day_of_week(self) -> int | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Time:
    """A COSEM time (4 octets). ``None`` means not specified."""

    def __new__(
        cls,
        hour: int | None = ...,
        minute: int | None = ...,
        second: int | None = ...,
        hundredths: int | None = ...,
    ) -> Time: ...
    @staticmethod
    def from_bytes(octets: Buffer) -> Time: ...
    @staticmethod
    def from_time(value: _time) -> Time:
        """A time of day, hundredths included; a time zone is left out."""

    def to_bytes(self) -> bytes: ...
    def to_time(self) -> _time:
        """The time of day; hundredths that are not specified are the whole second.

        Raises ValueError where another field is unspecified or impossible.
        """

    @property
    def hour(self) -> int | None: ...
    @property
    def minute(self) -> int | None: ...
    @property
    def second(self) -> int | None: ...
    @property
    def hundredths(self) -> int | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class DateTime:
    """A COSEM date-time (12 octets).

    Date, time, deviation in minutes (UTC minus local) and clock status, faithfully.
    """

    def __new__(
        cls,
        date: Date | None = ...,
        time: Time | None = ...,
        deviation: int | None = ...,
        clock_status: int | None = ...,
    ) -> DateTime: ...
    @staticmethod
    def from_bytes(octets: Buffer) -> DateTime: ...
    @staticmethod
    def from_datetime(
        value: _datetime, *, clock_status: int | None = ..., opposite_deviation: bool = ...
    ) -> DateTime:
        """From a ``datetime``.

        A naive one gives an unspecified deviation. Hundredths are kept, the weekday is filled in.
        ``opposite_deviation`` is for meters that write the deviation as local minus UTC.
        """

    def to_bytes(self) -> bytes: ...
    def to_datetime(self, *, opposite_deviation: bool = ...) -> _datetime:
        """Aware if the deviation is specified.

        ``opposite_deviation`` is for meters that write the deviation as local minus UTC.

        Raises ValueError where a field is unspecified, special or impossible.

        Hundredths that are not specified are the whole second; the weekday is not compared.
        """

    @property
    def date(self) -> Date: ...
    @property
    def time(self) -> Time: ...
    @property
    def deviation(self) -> int | None: ...
    @property
    def clock_status(self) -> int | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Data:
    """One value of the Data CHOICE with its tag.

    It is what a generic decode gives, and what an ``any`` attribute takes.

    ``value`` is by tag: ``None`` (null-data, don't-care); ``bool``; ``int`` (all integers, enum, bcd,
    deltas); ``float``; ``bytes`` (octet-string, obsolete types); ``str`` (visible- and utf8-string,
    undecodable octets as surrogate escapes); :class:`BitString`; :class:`Date`, :class:`Time`,
    :class:`DateTime`; ``tuple[Data, ...]`` (array, structure, compact-array, whose elements are typed by its
    type description).
    """

    def __new__(cls, tag: int, value: object = ...) -> Data: ...
    @staticmethod
    def decode(data: Buffer, *, strict: bool = ..., limits: Limits | None = ...) -> Data:
        """One complete value, tag included.

        Not ``strict`` takes lengths that are not in shortest form, any TRUE of a boolean and padding bits
        that are set; encoding writes all of them as the standard has them.

        An array or structure has been checked as a whole, and keeps ``data`` until its ``value`` is asked
        for; ``plain`` reads it from there.

        Raises DecodeError.
        """

    @staticmethod
    def decode_plain(data: Buffer, *, strict: bool = ..., limits: Limits | None = ...) -> object:
        """What ``Data.decode(data).plain()`` gives, in one pass."""

    def encode(self) -> bytes: ...
    @property
    def tag(self) -> int: ...
    @property
    def value(self) -> object: ...
    def plain(self) -> object:
        """The value with all tags taken off: nested tuples of plain Python values."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Schema:
    """A type compiled once: plain Python values to A-XDR and back, in one crossing."""

    @staticmethod
    def primitive(tag: int) -> Schema:
        """The type of one simple tag; values as in :class:`Data`."""

    @staticmethod
    def fixed_octet_string(length: int) -> Schema: ...
    @staticmethod
    def carried(tag: int) -> Schema:
        """A date-time, date or time in an octet-string of its size; decodes the plain type too.

        Raises ValueError for any other tag.
        """

    @staticmethod
    def structure(members: Sequence[Schema], *, record: type[tuple[object, ...]] | None = ...) -> Schema:
        """Values are tuples (any sequence when encoding) of exactly this many members.

        ``record`` is a NamedTuple class with as many fields: decoding gives its instances, error messages its
        field names.
        """

    @staticmethod
    def array(element: Schema) -> Schema:
        """Values are lists (any sequence when encoding). Decodes compact-array too."""

    @staticmethod
    def any() -> Schema:
        """Values are :class:`Data`."""

    @staticmethod
    def choice(alternatives: Sequence[Schema]) -> Schema:
        """Decodes by tag; encodes with the first alternative that takes the value."""

    @staticmethod
    def converted(
        inner: Schema, decode: Callable[[Any], object], encode: Callable[[Any], object] | None = ...
    ) -> Schema:
        """Values pass through ``decode`` after decoding and ``encode`` before encoding.

        ``None`` leaves them as they are.

        A ValueError of ``decode`` becomes a DecodeError of kind ``value-out-of-range``.
        """

    def encode(self, value: object) -> bytes:
        """Raises TypeError, ValueError or OverflowError naming the path to the value that does not fit."""

    def decode(self, data: Buffer, *, strict: bool = ..., limits: Limits | None = ...) -> object:
        """Raises DecodeError; a value of another type is ``unexpected-tag``.

        Not ``strict`` takes lengths that are not in shortest form, any TRUE of a boolean and padding bits
        that are set.
        """

def expand_rows(
    entries: Sequence[Data], *, clock_columns: Sequence[int] = ..., capture_period: int = ...
) -> list[tuple[object, ...]]:
    """The entries of a profile as rows of plain values, with everything put back that was left out.

    Null-data in a column is the value of the entry before; ``None`` where there is none. In a
    ``clock_columns`` column it is the time of the entry before and ``capture_period`` seconds more (negative
    where entries run backwards), by the same clock: deviation and status stay; ``None`` where the time before
    was no point in time. Time in such a column is a :class:`DateTime`, however it is carried. A delta is the
    number of the entry before and so much more.

    Raises TypeError where an entry is not a structure, and DecodeError of kind ``missing`` where a delta has
    no number before it.
    """

# --- Service APDUs
# Frozen.
# ``data``/``parameter``/``selection[1]`` are complete A-XDR encodings (with tag). In requests made by a
# client ``invoke_id_and_priority`` may stay None: the channel gives the next invoke id, confirmed, high
# priority. Responses made by a server repeat the octet of the request. With ``confirmed=False`` no answer is
# expected.

@final
class GetRequest:
    def __new__(
        cls,
        class_id: int,
        logical_name: bytes,
        attribute_id: int,
        selection: tuple[int, bytes] | None = ...,
        *,
        invoke_id_and_priority: int | None = ...,
    ) -> GetRequest: ...
    @property
    def class_id(self) -> int: ...
    @property
    def logical_name(self) -> bytes: ...
    @property
    def attribute_id(self) -> int: ...
    @property
    def selection(self) -> tuple[int, bytes] | None: ...
    @property
    def invoke_id_and_priority(self) -> int | None: ...
    def encode(self) -> bytes: ...

@final
class SetRequest:
    def __new__(
        cls,
        class_id: int,
        logical_name: bytes,
        attribute_id: int,
        data: bytes,
        selection: tuple[int, bytes] | None = ...,
        *,
        confirmed: bool = ...,
        invoke_id_and_priority: int | None = ...,
    ) -> SetRequest: ...
    @property
    def class_id(self) -> int: ...
    @property
    def logical_name(self) -> bytes: ...
    @property
    def attribute_id(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def selection(self) -> tuple[int, bytes] | None: ...
    @property
    def confirmed(self) -> bool: ...
    @property
    def invoke_id_and_priority(self) -> int | None: ...
    def encode(self) -> bytes: ...

@final
class ActionRequest:
    def __new__(
        cls,
        class_id: int,
        logical_name: bytes,
        method_id: int,
        parameter: bytes | ImageBlock | None = ...,
        *,
        confirmed: bool = ...,
        invoke_id_and_priority: int | None = ...,
    ) -> ActionRequest: ...
    @property
    def class_id(self) -> int: ...
    @property
    def logical_name(self) -> bytes: ...
    @property
    def method_id(self) -> int: ...
    @property
    def parameter(self) -> bytes | ImageBlock | None: ...
    @property
    def confirmed(self) -> bool: ...
    @property
    def invoke_id_and_priority(self) -> int | None: ...
    def encode(self) -> bytes: ...

@final
class RequestList:
    """GET, SET or ACTION with-list: all items of one service."""

    def __new__(
        cls,
        items: Sequence[GetRequest] | Sequence[SetRequest] | Sequence[ActionRequest],
        *,
        invoke_id_and_priority: int | None = ...,
    ) -> RequestList: ...
    @property
    def items(self) -> tuple[GetRequest, ...] | tuple[SetRequest, ...] | tuple[ActionRequest, ...]: ...
    @property
    def confirmed(self) -> bool: ...
    @property
    def invoke_id_and_priority(self) -> int | None: ...
    def encode(self) -> bytes: ...

@final
class GetResponse:
    """``result`` is the data-access-result (0 success); ``data`` is present exactly on success."""

    def __new__(
        cls, result: int, data: bytes | None = ..., *, invoke_id_and_priority: int = ...
    ) -> GetResponse: ...
    @property
    def result(self) -> int: ...
    @property
    def data(self) -> bytes | None: ...
    @property
    def invoke_id_and_priority(self) -> int: ...
    def encode(self) -> bytes: ...

@final
class SetResponse:
    def __new__(cls, result: int, *, invoke_id_and_priority: int = ...) -> SetResponse: ...
    @property
    def result(self) -> int: ...
    @property
    def invoke_id_and_priority(self) -> int: ...
    def encode(self) -> bytes: ...

@final
class ActionResponse:
    """``result`` is the action-result.

    The optional return parameters are ``data`` or a data-access-result ``data_result``.
    """

    def __new__(
        cls,
        result: int,
        data: bytes | None = ...,
        *,
        data_result: int | None = ...,
        invoke_id_and_priority: int = ...,
    ) -> ActionResponse: ...
    @property
    def result(self) -> int: ...
    @property
    def data(self) -> bytes | None: ...
    @property
    def data_result(self) -> int | None: ...
    @property
    def invoke_id_and_priority(self) -> int: ...
    def encode(self) -> bytes: ...

@final
class ResponseList:
    """The answer to a :class:`RequestList`: as many items, in order."""

    def __new__(
        cls,
        items: Sequence[GetResponse] | Sequence[SetResponse] | Sequence[ActionResponse],
        *,
        invoke_id_and_priority: int = ...,
    ) -> ResponseList: ...
    @property
    def items(self) -> tuple[GetResponse, ...] | tuple[SetResponse, ...] | tuple[ActionResponse, ...]: ...
    @property
    def invoke_id_and_priority(self) -> int: ...
    def encode(self) -> bytes: ...

@final
class AccessRequest:
    """Reads, writes and method calls in one request; the items are requests of any of the three services.

    Their own invoke ids and service classes say nothing here. The channel gives the next long invoke id where
    none is given; a given ``long_invoke_id_and_priority`` goes before the options. ``date_time`` is 12
    octets, or empty.
    """

    def __new__(
        cls,
        items: Sequence[GetRequest | SetRequest | ActionRequest],
        *,
        confirmed: bool = ...,
        break_on_error: bool = ...,
        self_descriptive: bool = ...,
        high_priority: bool = ...,
        date_time: bytes = ...,
        long_invoke_id_and_priority: int | None = ...,
    ) -> AccessRequest: ...
    @property
    def items(self) -> tuple[GetRequest | SetRequest | ActionRequest, ...]: ...
    @property
    def confirmed(self) -> bool: ...
    @property
    def break_on_error(self) -> bool:
        """Whether the items behind the first that fails are left alone."""

    @property
    def self_descriptive(self) -> bool:
        """Whether the response shall repeat what was asked for."""

    @property
    def high_priority(self) -> bool: ...
    @property
    def date_time(self) -> bytes: ...
    @property
    def long_invoke_id_and_priority(self) -> int | None: ...
    def encode(self) -> bytes: ...

@final
class AccessResponse:
    """The answer to an :class:`AccessRequest`: as many items, in order, each of the service of its request.

    ``request_items`` are what was asked for, without its data, where the request wanted it repeated.
    """

    def __new__(
        cls,
        items: Sequence[GetResponse | SetResponse | ActionResponse],
        *,
        request_items: Sequence[GetRequest | SetRequest | ActionRequest] | None = ...,
        date_time: bytes = ...,
        long_invoke_id_and_priority: int = ...,
    ) -> AccessResponse: ...
    @property
    def items(self) -> tuple[GetResponse | SetResponse | ActionResponse, ...]: ...
    @property
    def request_items(self) -> tuple[GetRequest | SetRequest | ActionRequest, ...] | None: ...
    @property
    def date_time(self) -> bytes: ...
    @property
    def long_invoke_id_and_priority(self) -> int: ...
    def encode(self) -> bytes: ...

@final
class ExceptionResponse:
    def __new__(
        cls, state_error: int, service_error: int, *, invocation_counter: int | None = ...
    ) -> ExceptionResponse: ...
    @property
    def state_error(self) -> int: ...
    @property
    def service_error(self) -> int: ...
    @property
    def invocation_counter(self) -> int | None: ...
    def encode(self) -> bytes: ...

@final
class ConfirmedServiceError:
    def __new__(cls, service: int, error_choice: int, value: int) -> ConfirmedServiceError: ...
    @property
    def service(self) -> int: ...
    @property
    def error_choice(self) -> int: ...
    @property
    def value(self) -> int: ...
    def encode(self) -> bytes: ...

@final
class DataNotification:
    def __new__(cls, long_invoke_id_and_priority: int, date_time: bytes, data: bytes) -> DataNotification: ...
    @property
    def long_invoke_id_and_priority(self) -> int: ...
    @property
    def date_time(self) -> bytes: ...
    @property
    def data(self) -> bytes: ...
    def encode(self) -> bytes: ...

@final
class DataNotificationConfirm:
    """The client has the data-notification of this invoke id; of the newer editions."""

    def __new__(cls, long_invoke_id_and_priority: int, date_time: bytes = ...) -> DataNotificationConfirm: ...
    @property
    def long_invoke_id_and_priority(self) -> int: ...
    @property
    def date_time(self) -> bytes: ...
    def encode(self) -> bytes: ...

@final
class EventNotification:
    def __new__(
        cls, class_id: int, logical_name: bytes, attribute_id: int, data: bytes, *, time: bytes | None = ...
    ) -> EventNotification: ...
    @property
    def class_id(self) -> int: ...
    @property
    def logical_name(self) -> bytes: ...
    @property
    def attribute_id(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def time(self) -> bytes | None: ...
    def encode(self) -> bytes: ...

# --- Service APDUs with short names
# They have no invoke id: one request at a time, and its answer is the next one that comes. A variable is a
# short name, or a short name with a selector and a parameter (parameterised access).

Variable: TypeAlias = int | tuple[int, int, bytes]

@final
class ReadRequest:
    """Read: the values of variables, or what methods return."""

    def __new__(cls, variables: Sequence[Variable]) -> ReadRequest: ...
    @property
    def variables(self) -> tuple[Variable, ...]: ...
    def encode(self) -> bytes: ...

@final
class WriteRequest:
    """Write, or UnconfirmedWrite where no answer is wanted: values for variables, or parameters for methods.

    ``data`` has as many complete A-XDR encodings, or image blocks, as there are variables.
    """

    def __new__(
        cls, variables: Sequence[Variable], data: Sequence[bytes | ImageBlock], *, confirmed: bool = ...
    ) -> WriteRequest: ...
    @property
    def variables(self) -> tuple[Variable, ...]: ...
    @property
    def data(self) -> tuple[bytes | ImageBlock, ...]: ...
    @property
    def confirmed(self) -> bool: ...
    def encode(self) -> bytes: ...

@final
class ReadResponse:
    """One result for each variable: its encoded value, or the data-access-result that says why there is none.

    A single error may refuse a request as a whole.
    """

    def __new__(cls, results: Sequence[bytes | int]) -> ReadResponse: ...
    @property
    def results(self) -> tuple[bytes | int, ...]: ...
    def encode(self) -> bytes: ...

@final
class WriteResponse:
    """One data-access-result for each variable, 0 for success; a single error may refuse all."""

    def __new__(cls, results: Sequence[int]) -> WriteResponse: ...
    @property
    def results(self) -> tuple[int, ...]: ...
    def encode(self) -> bytes: ...

@final
class InformationReport:
    """What a server says unasked: variables and their values.

    ``current_time`` is the text of a GeneralizedTime, or the 12 octets of a date-time.
    """

    def __new__(
        cls, variables: Sequence[Variable], data: Sequence[bytes], *, current_time: bytes | None = ...
    ) -> InformationReport: ...
    @property
    def variables(self) -> tuple[Variable, ...]: ...
    @property
    def data(self) -> tuple[bytes, ...]: ...
    @property
    def current_time(self) -> bytes | None: ...
    def encode(self) -> bytes: ...

# --- Association

@final
class InitiateRequest:
    """``conformance`` is an int of 24 bits; bit 0 of the standard is 0x800000. PDU size 0 means no limit.

    ``quality_of_service`` is the proposed one, -128 to 127; DLMS/COSEM does not use it, and leaves it out.
    """

    def __new__(
        cls,
        conformance: int,
        client_max_receive_pdu_size: int,
        *,
        dedicated_key: bytes | None = ...,
        response_allowed: bool = ...,
        quality_of_service: int | None = ...,
        dlms_version_number: int = ...,
    ) -> InitiateRequest: ...
    @staticmethod
    def decode(data: Buffer) -> InitiateRequest: ...
    def encode(self) -> bytes: ...
    @property
    def conformance(self) -> int: ...
    @property
    def client_max_receive_pdu_size(self) -> int: ...
    @property
    def dedicated_key(self) -> bytes | None: ...
    @property
    def response_allowed(self) -> bool: ...
    @property
    def quality_of_service(self) -> int | None: ...
    @property
    def dlms_version_number(self) -> int: ...

@final
class InitiateResponse:
    def __new__(
        cls,
        conformance: int,
        server_max_receive_pdu_size: int,
        *,
        quality_of_service: int | None = ...,
        dlms_version_number: int = ...,
        vaa_name: int = ...,
    ) -> InitiateResponse: ...
    @staticmethod
    def decode(data: Buffer) -> InitiateResponse:
        """Raises DecodeError.

        Where the data is a confirmedServiceError, RemoteProtocolError naming its initiate error.
        """

    def encode(self) -> bytes: ...
    @property
    def conformance(self) -> int: ...
    @property
    def server_max_receive_pdu_size(self) -> int: ...
    @property
    def quality_of_service(self) -> int | None: ...
    @property
    def dlms_version_number(self) -> int: ...
    @property
    def vaa_name(self) -> int: ...

@final
class AssociationRequest:
    """AARQ. ``application_context`` is the last octet of the name.

    1 LN, 2 SN, 3 LN ciphered, 4 SN ciphered.

    The authentication functional unit is asked for where there is a mechanism, unless ``acse_requirements``
    says otherwise. ``protocol_version`` is the first eight bits, 0x80 is version 1; ``None``
    leaves it out.
    """

    def __new__(
        cls,
        application_context: int,
        user_information: bytes | None,
        *,
        mechanism: int | None = ...,
        authentication_value: bytes | None = ...,
        authentication_value_choice: int = ...,
        acse_requirements: bool | None = ...,
        protocol_version: int | None = ...,
        called_ap_title: bytes | None = ...,
        called_ae_qualifier: bytes | None = ...,
        called_ap_invocation_id: int | None = ...,
        called_ae_invocation_id: int | None = ...,
        calling_ap_title: bytes | None = ...,
        calling_ae_qualifier: bytes | None = ...,
        calling_ap_invocation_id: int | None = ...,
        client_user_id: int | None = ...,
        implementation_information: bytes | None = ...,
    ) -> AssociationRequest: ...
    @staticmethod
    def decode(data: Buffer) -> AssociationRequest: ...
    def encode(self) -> bytes: ...
    @property
    def protocol_version(self) -> int | None: ...
    @property
    def application_context(self) -> int: ...
    @property
    def user_information(self) -> bytes | None: ...
    @property
    def acse_requirements(self) -> bool:
        """Whether the functional unit "authentication" is asked for."""

    @property
    def mechanism(self) -> int | None: ...
    @property
    def authentication_value(self) -> bytes | None:
        """What is in the alternative that ``authentication_value_choice`` names."""

    @property
    def authentication_value_choice(self) -> int:
        """0 charstring (what DLMS uses), 1 bitstring (count of unused bits first), 2 external, 3 other."""

    @property
    def called_ap_title(self) -> bytes | None: ...
    @property
    def called_ae_qualifier(self) -> bytes | None: ...
    @property
    def called_ap_invocation_id(self) -> int | None: ...
    @property
    def called_ae_invocation_id(self) -> int | None: ...
    @property
    def calling_ap_title(self) -> bytes | None:
        """The client's system title."""

    @property
    def calling_ae_qualifier(self) -> bytes | None:
        """The certificate of the client's digital signature key."""

    @property
    def calling_ap_invocation_id(self) -> int | None: ...
    @property
    def client_user_id(self) -> int | None:
        """The calling-AE-invocation-id: who of the client's users asks, 0 to 255."""

    @property
    def implementation_information(self) -> bytes | None: ...

@final
class AssociationResponse:
    """AARE. ``diagnostic_source`` is 1 (acse-service-user) or 2 (acse-service-provider)."""

    def __new__(
        cls,
        application_context: int,
        result: int,
        diagnostic: int,
        user_information: bytes | None,
        *,
        diagnostic_source: int = ...,
        mechanism: int | None = ...,
        authentication_value: bytes | None = ...,
        authentication_value_choice: int = ...,
        acse_requirements: bool | None = ...,
        protocol_version: int | None = ...,
        responding_ap_title: bytes | None = ...,
        responding_ae_qualifier: bytes | None = ...,
        responding_ap_invocation_id: int | None = ...,
        responding_ae_invocation_id: int | None = ...,
        implementation_information: bytes | None = ...,
    ) -> AssociationResponse: ...
    @staticmethod
    def decode(data: Buffer) -> AssociationResponse: ...
    def encode(self) -> bytes: ...
    @property
    def protocol_version(self) -> int | None: ...
    @property
    def application_context(self) -> int: ...
    @property
    def result(self) -> int: ...
    @property
    def diagnostic(self) -> int: ...
    @property
    def diagnostic_source(self) -> int: ...
    @property
    def user_information(self) -> bytes | None: ...
    @property
    def acse_requirements(self) -> bool: ...
    @property
    def mechanism(self) -> int | None: ...
    @property
    def authentication_value(self) -> bytes | None: ...
    @property
    def authentication_value_choice(self) -> int:
        """As in :class:`AssociationRequest`."""

    @property
    def responding_ap_title(self) -> bytes | None:
        """The server's system title."""

    @property
    def responding_ae_qualifier(self) -> bytes | None:
        """The certificate of the server's digital signature key."""

    @property
    def responding_ap_invocation_id(self) -> int | None: ...
    @property
    def responding_ae_invocation_id(self) -> int | None: ...
    @property
    def implementation_information(self) -> bytes | None: ...

@final
class ReleaseRequest:
    """RLRQ; reason 0 normal, 1 urgent, 30 user defined."""

    def __new__(cls, reason: int | None = ..., user_information: bytes | None = ...) -> ReleaseRequest: ...
    @staticmethod
    def decode(data: Buffer) -> ReleaseRequest: ...
    def encode(self) -> bytes: ...
    @property
    def reason(self) -> int | None: ...
    @property
    def user_information(self) -> bytes | None: ...

@final
class ReleaseResponse:
    """RLRE; reason 0 normal, 1 not finished, 30 user defined."""

    def __new__(cls, reason: int | None = ..., user_information: bytes | None = ...) -> ReleaseResponse: ...
    @staticmethod
    def decode(data: Buffer) -> ReleaseResponse: ...
    def encode(self) -> bytes: ...
    @property
    def reason(self) -> int | None: ...
    @property
    def user_information(self) -> bytes | None: ...

# --- Security

@final
class Key:
    """Secret octets: never in repr, never pickled, compared in constant time, wiped when dropped."""

    def __new__(cls, octets: Buffer) -> Key: ...
    @property
    def fingerprint(self) -> str:
        """The first 4 octets of SHA-256 over a fixed prefix and the key, in hex.

        Enough to tell keys apart.
        """

    def expose(self) -> bytes:
        """The octets, for the few places that must hand them on (a password in an AARQ, AES key wrap)."""

    def wrap(self, key_encrypting_key: Key) -> bytes:
        """This key, 16 or 32 octets, wrapped with AES key wrap (RFC 3394): 24 or 40 octets.

        Raises:
            SecurityError: of kind ``key-length`` where either key is neither 16 nor 32 octets long.
        """

    @staticmethod
    def unwrap(key_encrypting_key: Key, octets: Buffer) -> Key:
        """The key in 24 or 40 octets that were wrapped with AES key wrap.

        Raises:
            SecurityError: of kind ``key-unwrap`` where they were wrapped with another key, or ``key-length``.
        """

    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PrivateKey:
    """A private key of suite 1 (P-256) or 2 (P-384): never in repr, never pickled, wiped when dropped.

    Made from the scalar: 32 or 48 octets, big-endian.

    Raises:
        SecurityError: of kind ``private-key`` where the octets are no scalar of the curve.
    """

    def __new__(cls, curve: str, octets: Buffer) -> PrivateKey: ...
    @staticmethod
    def from_randomness(curve: str, randomness: Buffer) -> PrivateKey:
        """A new key: give 64 (P-256) or 96 (P-384) random octets of the operating system."""

    @staticmethod
    def from_pkcs8(der: Buffer) -> PrivateKey:
        """From an unencrypted PKCS #8 structure in DER, which names its curve."""

    @property
    def curve(self) -> str:
        """The name of the curve: P-256 or P-384."""

    @property
    def public(self) -> PublicKey: ...
    @property
    def fingerprint(self) -> str:
        """That of the public key."""

    def sign(self, data: Buffer) -> bytes:
        """The signature r || s, 64 or 96 octets, over the hash of the data; deterministic (RFC 6979)."""

    def agree(self, public: PublicKey) -> Key:
        """The shared secret Z of ECDH: the x coordinate of the product.

        Raises:
            SecurityError: of kind ``public-key`` where the other key is on another curve.
        """

@final
class PublicKey:
    """A public key of security suite 1 (P-256) or 2 (P-384), made from x || y; ``bytes`` gives them back.

    Raises:
        SecurityError: of kind ``public-key`` where the octets are no point on the curve, in this form.
    """

    def __new__(cls, curve: str, octets: Buffer) -> PublicKey: ...
    @staticmethod
    def from_spki(der: Buffer) -> PublicKey:
        """From a SubjectPublicKeyInfo in DER, which names its curve; a compressed point is refused."""

    @property
    def curve(self) -> str:
        """The name of the curve: P-256 or P-384."""

    @property
    def fingerprint(self) -> str: ...
    def verify(self, data: Buffer, signature: Buffer) -> None:
        """Raises AuthenticationError of kind ``signature`` unless this key made r || s over the data.

        Only the fixed width is taken, never DER. A high s is accepted.
        """

    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def derive_key(
    shared_secret: Key,
    suite: int,
    scheme: str,
    *,
    originator_system_title: bytes,
    recipient_system_title: bytes,
    transaction_id: bytes | None = ...,
    key_wrapping: bool = ...,
    older_algorithm_ids: bool = ...,
) -> Key:
    """The key of suite 1 or 2 that two parties derive from what they share (NIST SP 800-56A, single step).

    Args:
        shared_secret: Z, from ``PrivateKey.agree``.
        suite: 1 or 2.
        scheme: "ephemeral-unified" (method key_agreement; the originator is the client),
            "one-pass-diffie-hellman" or "static-unified" (general-ciphering).
        originator_system_title: Of the one who begins.
        recipient_system_title: Of the other.
        transaction_id: Of the APDU, without its length; used by "static-unified" alone, and needed there.
        key_wrapping: The key will wrap keys, rather than cipher APDUs.
        older_algorithm_ids: As older texts and the meters made by them have it: 60 85 74 06 08 03 instead of
            60 85 74 05 08 03.

    Raises:
        SecurityError: of kind ``unsupported-protection`` in suite 0, or ``transaction-id``.
    """

@final
class SecurityContext:
    """Keys, system titles, invocation counters and the replay check of one association.

    ``policy`` is a set of bits: 0x10 authenticated, 0x20 encrypted (as in the security control octet), 0x40
    signed. What we send has exactly this protection, and an answer also what its request had. What we accept
    must have at least ``floor``, by default the policy. Counters from ``invocation_counter`` up to, but not
    including, ``counter_limit`` may be used; the caller must have recorded the limit durably before.

    With a dedicated key everything but the initiate goes under it, and an answer as its request did. The
    counters that we use are the same; those of the peer are told apart.
    """

    def __new__(
        cls,
        suite: int,
        policy: int,
        *,
        system_title: bytes,
        peer_system_title: bytes | None = ...,
        global_unicast_encryption_key: Key | None = ...,
        authentication_key: Key | None = ...,
        global_broadcast_encryption_key: Key | None = ...,
        dedicated_key: Key | None = ...,
        invocation_counter: int = ...,
        counter_limit: int = ...,
        peer_invocation_counter: int | None = ...,
        general: bool = ...,
        floor: int | None = ...,
    ) -> SecurityContext: ...
    def use_general_protection(
        self,
        randomness: bytes,
        *,
        key_information: str | None = ...,
        signing_key: PrivateKey | None = ...,
        key_agreement_key: PrivateKey | None = ...,
        peer_signing_key: PublicKey | None = ...,
        peer_key_agreement_key: PublicKey | None = ...,
        master_key: Key | None = ...,
        older_algorithm_ids: bool = ...,
        header_authenticated: bool = ...,
    ) -> None:
        """Make general-signing and general-ciphering possible, and give the keys for them.

        Args:
            randomness: ``RANDOMNESS_LENGTH`` octets of the operating system, for this context alone:
                transaction ids, a key to wrap, an ephemeral key.
            key_information: Cipher what is no answer as general-ciphering, with a key that is "none" (the
                global one, not named), "identified", "wrapped", from "one-pass-diffie-hellman" or
                "static-unified". An answer is ciphered as its request was.
            signing_key: Ours.
            key_agreement_key: Ours, the static one.
            peer_signing_key: The peer's.
            peer_key_agreement_key: The peer's, the static one.
            master_key: Wraps keys.
            older_algorithm_ids: As in :func:`derive_key`.
            header_authenticated: Whether the header of general-ciphering goes into the authentication tag.
                Some meters leave it out.

        Raises:
            SecurityError: of kind ``private-key``, ``public-key`` or ``key-length`` where something does not
                fit the suite.
        """

    def forget_dedicated_key(self) -> None:
        """The association is over: the dedicated key is wiped."""

    @property
    def floor(self) -> int: ...
    @property
    def received_protection(self) -> int:
        """How the message received last was protected, in the bits of the policy; 0 for a plain one."""

    @property
    def answer_protection(self) -> int:
        """What answers need beyond the policy and what their request had; 0 at first."""

    @answer_protection.setter
    def answer_protection(self, bits: int) -> None: ...
    @property
    def suite(self) -> int: ...
    @property
    def policy(self) -> int: ...
    @property
    def system_title(self) -> bytes: ...
    @property
    def peer_system_title(self) -> bytes | None: ...
    @peer_system_title.setter
    def peer_system_title(self, title: bytes | None) -> None: ...
    @property
    def invocation_counter(self) -> int:
        """The next counter that would be used."""

    @property
    def counters_left(self) -> int: ...
    def extend(self, invocation_counter: int, counter_limit: int) -> None:
        """Continue with a newly reserved range; counters never go down (ValueError)."""

    @property
    def peer_invocation_counter(self) -> int | None:
        """The last counter accepted from the peer.

        It can be raised to one accepted over another link, never lowered.
        """

    @peer_invocation_counter.setter
    def peer_invocation_counter(self, counter: int) -> None: ...
    def seal(self, apdu: Buffer) -> bytes:
        """A plain APDU to its glo-/general-glo form, with the next counter."""

    def open(self, apdu: Buffer) -> bytes:
        """A ciphered APDU to its plain form.

        The peer's counter moves only after the tag has been verified.
        """

    def gmac(self, challenge: Buffer) -> bytes:
        """HLS mechanism 5: SC || IC || GMAC (17 octets) over the peer's challenge, with the next counter."""

    def verify_gmac(self, challenge: Buffer, proof: Buffer) -> None:
        """Verifies the peer's 17 octets over our challenge; raises AuthenticationError or ReplayError."""

# --- Image

@type_check_only
class _ImageReader(Protocol):
    @property
    def size(self) -> int: ...
    def read(self, offset: int, length: int, /) -> bytes: ...

@final
class ImageBlocks:
    """An image cut into blocks of ``image_block_size`` octets.

    Shared by all meters with that block size. The image is not copied; where it is not in memory, each block
    is read when it is asked for.
    """

    def __new__(
        cls, image: bytes | _ImageReader, image_block_size: int, *, pad_last_block: bool = ...
    ) -> ImageBlocks: ...
    @property
    def image_block_size(self) -> int: ...
    @property
    def image_size(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, image_block_number: int, /) -> ImageBlock:
        """One block; raises what reading it raises, and ValueError where fewer or more octets were read."""

    def requests(
        self,
        image_block_numbers: Sequence[int],
        class_id: int,
        logical_name: bytes,
        method_id: int,
        *,
        confirmed: bool = ...,
    ) -> list[ActionRequest]:
        """Calls of a method, image_block_transfer, with these blocks. Raises as one block, IndexError too."""

@final
class ImageBlock:
    """One block: a reference to the image, and its wire form as parameter of image_block_transfer."""

    @property
    def image_block_number(self) -> int: ...
    @property
    def image_block_value(self) -> bytes: ...
    def __len__(self) -> int: ...
    def encode(self) -> bytes: ...

@final
class BlockStatus:
    """Which blocks have been transferred: the meter's bitmap as a set of ``n`` bits that knows its gaps."""

    def __new__(cls, blocks: int) -> BlockStatus: ...
    @staticmethod
    def from_bit_string(bits: BitString, blocks: int) -> BlockStatus:
        """Raises ValueError where the length is not ``blocks``, or that rounded up to octets with zeros."""

    def to_bit_string(self) -> BitString: ...
    def mark(self, image_block_number: int, transferred: bool = ...) -> None: ...
    def mark_all(self, image_block_numbers: Sequence[int]) -> None:
        """Mark these as transferred. Raises IndexError at the first that the image has not."""
    @property
    def first_not_transferred(self) -> int:
        """The lowest missing number, or ``len(self)`` when complete."""

    def next_not_transferred(self, start: int) -> int:
        """The lowest missing number from ``start`` on, or ``len(self)``."""

    def not_transferred(self, start: int, most: int) -> tuple[int, ...]:
        """The lowest numbers from ``start`` on that are not transferred, so many at most."""

    @property
    def transferred(self) -> int: ...
    @property
    def complete(self) -> bool: ...
    def missing_runs(self) -> list[tuple[int, int]]:
        """Runs of missing blocks as (first, count)."""

    def __len__(self) -> int: ...
    def __getitem__(self, image_block_number: int, /) -> bool: ...

def image_digests(image: Buffer) -> tuple[bytes, int]:
    """SHA-256 and CRC-32 of an image; the interpreter lock is released."""

def block_digests(image: Buffer, image_block_size: int) -> list[tuple[bytes, int]]:
    """SHA-256 and CRC-32 of each block; the interpreter lock is released."""

def encode_record(name: str, generation: int, text: str) -> bytes:
    """The octets of a small record in a meter's memory: generation, length, digest, text.

    Args:
        name: Of the record; one of another name does not pass for it.
        generation: Grows with each replacement.
        text: What it says, up to 2**32 - 1 octets of UTF-8.

    Raises:
        ValueError: The text is longer.
    """

def decode_record(name: str, octets: bytes) -> tuple[int, str] | None:
    """Generation and text of the record at the beginning of octets of the memory.

    ``None`` where it is torn, rotten, or that of another name.
    """

def store_image_blocks(
    calls: tuple[object, ...],
    first: int,
    status: BlockStatus,
    blocks: Buffer,
    digests: Buffer,
    *,
    image_size: int,
    image_block_size: int,
    serial: int,
    most_blocks: int,
) -> int:
    """Store the image blocks that calls of one list bring, from ``first`` on, and mark them; how many.

    It stops before one that calls another method than the first, is of the wrong length, beyond
    ``most_blocks``, the last missing one, or there already with other octets. ``blocks`` and ``digests`` are
    as for :class:`BlockSink`.

    Raises ValueError where ``status`` is that of another image, BufferError where the memory is too small or
    cannot be written.
    """

def stored_block_digest(serial: int, image_block_number: int, image_block_value: Buffer) -> bytes:
    """What a meter keeps beside a block that it has stored, 16 octets: the beginning of a SHA-256.

    It is over the serial number of the transfer (8 octets), the block number (4 octets) and the block.
    """

# --- Channel

@final
class Gateway:
    """Which meter behind a gateway: a network, and the address of a physical device in it, up to 255 octets.

    Its prefix goes in front of each APDU, and is taken off what comes. What comes from another meter is
    counted and dropped; an exception-response without a prefix is the gateway's own.
    """

    def __new__(cls, network_id: int, physical_device_address: Buffer) -> Gateway: ...
    @property
    def network_id(self) -> int: ...
    @property
    def physical_device_address(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class WrapperFraming:
    """TCP/UDP wrapper between two SAPs (wPorts).

    Where ``datagrams`` carry the messages, they may be lost, doubled and mixed up: an APDU has 65,499 octets
    at most, and GET and image_block_transfer are repeated under the same invoke id after a timeout; other
    requests are waited for as long. After ``max_retries`` repetitions a request has failed.
    """

    def __new__(
        cls,
        client_sap: int,
        server_sap: int,
        *,
        gateway: Gateway | None = ...,
        datagrams: bool = ...,
        max_retries: int = ...,
    ) -> WrapperFraming: ...
    @property
    def gateway(self) -> Gateway | None: ...
    @property
    def datagrams(self) -> bool: ...
    @property
    def client_sap(self) -> int: ...
    @property
    def server_sap(self) -> int: ...

def wrapper_message_lengths(data: Buffer) -> list[int]:
    """Octets of each of the whole wrapper messages that ``data`` consists of.

    Raises LinkError (``wrapper-version``, ``wrapper-length``) where it is something else.
    """

@final
class HdlcFraming:
    """HDLC between a client and a server address; the values proposed, or in a server the most it accepts.

    ``address_size`` is 1, 2 or 4 octets; None takes the shortest form for the addresses given. Information
    fields 1..2030 octets, windows 1..7. Without a value the default of the standard holds: 128 octets, 1.
    A meter that answers a proposal by DM or FRMR, or not at all for half of the tries, is asked without one.

    ``max_retries``: how often in a row a client repeats or polls without an answer. ``max_busy_polls``: how
    often in a row it may hear RNR.

    ``unconfirmed_as_ui``: what asks for no answer (unconfirmed requests; in a server notifications) is sent
    in UI frames, connected or not, and otherwise in I frames. Nobody acknowledges a UI frame, and it carries
    one whole APDU: of 3 octets less than ``max_info_field_length_unconfirmed``, or than the information field
    that was agreed, which without a link is 128 octets. While the other side of a link may speak, it waits.

    In a client the server address may be that of a group; such a client never connects. The address of all
    stations, of all physical or of all logical devices is a ValueError in a client. A server takes UI frames
    to its own address, to its ``group_addresses`` (upper and lower half, in the form of its own address), and
    to all stations.
    """

    def __new__(
        cls,
        client_sap: int,
        server_upper: int,
        server_lower: int | None = ...,
        *,
        address_size: int | None = ...,
        max_info_field_length_transmit: int = ...,
        max_info_field_length_receive: int = ...,
        window_size_transmit: int = ...,
        window_size_receive: int = ...,
        max_retries: int = ...,
        max_busy_polls: int = ...,
        gateway: Gateway | None = ...,
        group_addresses: Sequence[tuple[int, int | None]] = ...,
        unconfirmed_as_ui: bool = ...,
        max_info_field_length_unconfirmed: int | None = ...,
    ) -> HdlcFraming: ...
    @property
    def gateway(self) -> Gateway | None: ...
    @property
    def client_sap(self) -> int: ...
    @property
    def server_upper(self) -> int: ...
    @property
    def server_lower(self) -> int | None: ...
    @property
    def unconfirmed_as_ui(self) -> bool: ...

@final
class HdlcAddress:
    """An HDLC address: ``upper`` half (logical device or client SAP), ``lower`` half (physical device).

    ``size`` is 1, 2 or 4 octets; None takes the shortest form. The form of one octet has no lower half.
    Raises ValueError where a half is missing, too much or too large for the form.
    """

    def __new__(cls, upper: int, lower: int | None = ..., *, size: int | None = ...) -> HdlcAddress: ...
    @property
    def upper(self) -> int: ...
    @property
    def lower(self) -> int | None: ...
    @property
    def size(self) -> int: ...

@final
class HdlcFrame:
    """One HDLC frame of format type 3, for captures and tools; a :class:`Channel` frames by itself. Frozen.

    ``control`` is the octet as sent. Without ``information`` the frame has no HCS. ValueError where it would
    be longer than the 2,047 octets that a frame may have between its flags.
    """

    def __new__(
        cls,
        destination: HdlcAddress,
        source: HdlcAddress,
        control: int,
        information: Buffer | None = ...,
        *,
        segmentation: bool = ...,
    ) -> HdlcFrame: ...
    @staticmethod
    def decode(data: Buffer) -> HdlcFrame:
        """The frame that ``data`` is, both flags included.

        Raises DecodeError: ``check-sequence`` for HCS or FCS, ``wrong-length`` where the length field says
        something else, ``unexpected-tag`` for another format or no flag, ``length-form`` for an address.
        """

    def encode(self) -> bytes:
        """The octets from flag to flag, both included, with HCS and FCS."""

    @property
    def destination(self) -> HdlcAddress: ...
    @property
    def source(self) -> HdlcAddress: ...
    @property
    def control(self) -> int: ...
    @property
    def segmentation(self) -> bool: ...
    @property
    def information(self) -> bytes: ...

def fcs16(data: Buffer) -> int:
    """The check sequence of HDLC (CRC-16/X-25) over ``data``, 0 to 65,535; low octet first on the wire.

    Folded by carry-less multiplication where the processor has it, and otherwise as :func:`fcs16_portable`.
    """

def fcs16_portable(data: Buffer) -> int:
    """The same sum by tables alone, sixteen octets a step: for comparisons, and to test what others run."""

@final
class ReceivedApdu:
    """One APDU as it was transmitted, protection included, and the addresses that it came with."""

    @property
    def client_sap(self) -> int: ...
    @property
    def server_sap(self) -> int:
        """The logical device."""

    @property
    def server_lower(self) -> int | None:
        """The physical device in an HDLC address of 2 or 4 octets."""

    @property
    def gateway(self) -> Gateway | None: ...
    @property
    def system_title(self) -> bytes | None:
        """Of whoever says to have sent it, where a protected APDU says so; not verified."""

    @property
    def is_protected(self) -> bool:
        """Whether its tag is one of ciphering or signing."""

    @property
    def octets(self) -> bytes: ...

@final
class ApduReceiver:
    """Hears what comes from one side of any number of associations, without any of its own.

    Wrapper messages, or HDLC UI frames. The prefix of a gateway is taken off, and general blocks that nobody
    acknowledges are put together, for 16 stations at the same time. Protection stays on.
    """

    def __new__(
        cls,
        framing: Literal["wrapper", "hdlc"],
        sender: Literal["client", "server"],
        *,
        max_apdu_size: int = ...,
    ) -> ApduReceiver: ...
    def receive(self, data: Buffer) -> tuple[list[ReceivedApdu], LinkError | None]:
        """The APDUs that are whole, and why the stream has ended where it has: the medium must be closed."""

    def answer(self, received: ReceivedApdu, octets: Buffer) -> bytes:
        """One APDU, as it is to be transmitted, framed for whoever sent ``received``.

        Raises LinkError of kind ``apdu-too-long``.
        """

    def frame(
        self, client_sap: int, server_sap: int, octets: Buffer, *, server_lower: int | None = ...
    ) -> bytes:
        """One APDU framed in the direction of answers. Raises LinkError, and ValueError for an address."""

    @property
    def unfinished(self) -> bool:
        """Whether a wrapper message has begun and is not whole."""

    @property
    def dropped(self) -> int:
        """Frames and messages that were damaged, of another kind, or led to nothing."""

@final
class LinkConnected:
    """The link is up (client: UA to our SNRM; server: SNRM answered with UA).

    An association that existed is gone. ``max_info_field_length_*`` and ``window_size_*`` are the
    negotiated values as seen from this side.
    """

    @property
    def max_info_field_length_transmit(self) -> int: ...
    @property
    def max_info_field_length_receive(self) -> int: ...
    @property
    def window_size_transmit(self) -> int: ...
    @property
    def window_size_receive(self) -> int: ...

@final
class LinkDisconnected:
    """The link is down: DISC answered, DM, or FRMR (``reason`` says which)."""

    @property
    def reason(self) -> Literal["disc", "dm", "frmr"]: ...
    @property
    def rejection(self) -> bytes | None:
        """What the FRMR says, 3 octets: the control field rejected, the sequence numbers, the reasons.

        Reasons are 1 for a control field that is not used, 2 with it for an information field in a frame that
        has none, 4 for one that is too long, 8 for an acknowledgement of what was never sent.
        """

@final
class PeerChanged:
    """Server: a message from another client SAP waits, and until it is taken the one before can be answered.

    Call ``reset_association``, set ``security`` and ``negotiate`` for the new client, then ``receive(b"")``.
    """

    @property
    def client_sap(self) -> int: ...

@final
class UnconfirmedFrame:
    """Server: the next event, a request or a :class:`Discarded`, is about an APDU from a UI frame.

    Nothing may be answered to it. ``destination`` says whom the frame was sent to: this meter alone, one of
    its groups, or all.
    """

    @property
    def destination(self) -> Literal["individual", "group", "all-stations"]: ...

@final
class Discarded:
    """An APDU that was refused and dropped without harm; the wait goes on.

    ``reason`` is a SecurityError kind (``"authentication-tag"``, ``"replay"``, ``"system-title"`` …),
    ``"invoke-id"`` or ``"no-request"`` (an answer to no outstanding request), ``"duplicate"`` (the meter has
    refused a doubled datagram of ours), or in a server the kind of a DecodeError.
    ``expected_counter`` goes with ``"replay"``.
    """

    @property
    def reason(self) -> str: ...
    @property
    def expected_counter(self) -> int | None: ...

# These aliases exist for type checkers only.
Apdu: TypeAlias = (
    GetRequest
    | SetRequest
    | ActionRequest
    | RequestList
    | GetResponse
    | SetResponse
    | ActionResponse
    | ResponseList
    | ExceptionResponse
    | ConfirmedServiceError
    | DataNotification
    | DataNotificationConfirm
    | EventNotification
    | ReadRequest
    | WriteRequest
    | ReadResponse
    | WriteResponse
    | InformationReport
    | AccessRequest
    | AccessResponse
    | AssociationRequest
    | AssociationResponse
    | ReleaseRequest
    | ReleaseResponse
)

def decode_apdu(data: Buffer, sender: Literal["client", "server"], *, limits: Limits | None = ...) -> Apdu:
    """One complete plain APDU, for looking at what was captured; in an association the channel does this.

    Raises DecodeError; ``unexpected-apdu`` where the tag is unknown, belongs to the other side, or is one of
    block transfer.
    """

def annotate(data: Buffer, subject: str = ...) -> tuple[Any, ...]:
    """Captured octets as a tree of ``(name, kind, note, start, end, value, error, children)``.

    ``subject`` is ``any``, ``hdlc``, ``wrapper``, ``apdu`` or ``data``, or the raw data of blocks:
    ``data-list``, ``get-results``, ``outcome`` or ``outcomes``. ValueError for another one.
    ``error`` is ``(kind, offset)`` or None; :mod:`dlms_fw.decode` makes it readable.
    """

Event: TypeAlias = Apdu | LinkConnected | LinkDisconnected | PeerChanged | UnconfirmedFrame | Discarded

@final
class BlockRun:
    """Missing image blocks that are sent one after the other, each as soon as an earlier one is taken.

    For a client. Requests, invoke ids and invocation counters are those that ``Channel.send`` would have
    given, octet for octet; but an answer that says success marks its block and lets the next one go in the
    same call, and there is no object for either. Whatever is no success of the oldest request ends the run,
    and comes out as an event.

    The order of calls: ``adopt`` for what is on its way already, ``watch``, ``start`` (send its bytes),
    ``receive`` and send until it gives ``None``, ``finish``. Meanwhile ``Channel.receive`` is not called;
    ``Channel.handle_timeout`` is, as ever. What was sent and not answered stands in ``waiting``, for whoever
    receives then.
    """

    def __new__(
        cls,
        blocks: ImageBlocks,
        status: BlockStatus,
        class_id: int,
        logical_name: bytes,
        method_id: int,
        *,
        start: int = ...,
        high: int = ...,
        last_invoke_id: int | None = ...,
    ) -> BlockRun:
        """Sends what ``status`` lacks from block ``start`` on, and marks there what is taken.

        Blocks below ``high`` have been sent before. Invoke ids follow ``last_invoke_id`` where it is given,
        otherwise the one that the channel has used last.
        """

    def adopt(self, invoke_id: int, image_block_number: int) -> None:
        """A request that is on its way already; oldest first."""

    def start(self, channel: Channel, *, bound: int, most: int, depth: int) -> bytes:
        """The first requests: ``depth`` on their way at a time (1 to 16), ``most`` at all, below ``bound``.

        Raises LocalProtocolError where a block does not go out in one APDU, SecurityError where it cannot be
        protected.
        """

    def watch(
        self,
        now: float,
        *,
        seconds: float,
        silence_seconds: float,
        busy_seconds: float,
        request_seconds: float,
    ) -> None:
        """From now on there are deadlines, in seconds of the clock of ``now``; without this there are none.

        The run is over with what comes after ``seconds``. The next octets must come within
        ``silence_seconds``, or ``busy_seconds`` while the peer is not ready to receive; and within
        ``request_seconds`` a block must be taken.
        """

    def wait(self, now: float) -> None:
        """Something else was said: the next octets may take their time from now on."""

    @property
    def deadline(self) -> float:
        """When the next octets must have come."""

    @property
    def request_deadline(self) -> float:
        """When a block must have been taken."""

    def receive(self, data: Buffer, now: float) -> bytes | None:
        """Takes octets; gives what must go out now, possibly nothing, or ``None`` where the run is over.

        Never raises what ``Channel.receive`` raises; ``finish`` does. No ``data`` is kept.
        """

    def finish(self) -> tuple[list[Event], bytes]:
        """What came besides, and what must go out now. Raises as ``Channel.receive``."""

    @property
    def over(self) -> bool: ...
    @property
    def waiting(self) -> list[tuple[int, int]]:
        """Invoke ids and block numbers of what is not answered, oldest first."""

    @property
    def next(self) -> int:
        """The next missing block that was not sent, or the number of blocks."""

    @property
    def high(self) -> int:
        """One more than the highest number sent so far."""

    @property
    def last_invoke_id(self) -> int | None: ...
    @property
    def sent(self) -> int:
        """Requests sent by the run."""

    @property
    def repeated(self) -> int:
        """Those of them whose block was below ``high`` then."""

    @property
    def taken(self) -> int:
        """Blocks marked."""

    @property
    def image_octets(self) -> int:
        """Octets of the image in the requests sent, without padding."""

    @property
    def octets_sent(self) -> int:
        """What ``receive`` gave to be sent."""

    @property
    def octets_received(self) -> int: ...

def converse(run: BlockRun, descriptor: int, now: float) -> bytes | None:
    """Gives a run what comes over a socket, and sends what it says; ``None`` where the run is over.

    For the owner of the socket, which must be a blocking one with limits of time of the kernel's
    (``SO_RCVTIMEO``, ``SO_SNDTIMEO``). It is asked when there is something to decide: octets that the kernel
    has not taken are given back and are to be sent; no octets mean that the limit has passed or the run had
    nothing to say, so that ``run.deadline`` must be looked at. ``now`` is a time of the clock that the run is
    watched by. The interpreter lock is released while the kernel waits, and signals are handled.

    Raises EOFError where the peer has closed, OSError.
    """

@final
class Channel:
    """Requests in, bytes out; bytes in, events out.

    It does framing, ciphering, block transfer and invoke ids of one association.

    A client's order of calls: ``connect`` (send its bytes, ``receive`` until LinkConnected; over the wrapper
    it is connected at once and the bytes are empty), then ``send``/``receive`` in turn, ``disconnect`` at the
    end. ``send`` returns the bytes to put on the line now; ``receive`` returns events and the bytes that must
    go out because of them (acknowledgements, next blocks, further frames of a window), usually empty. When no
    byte has come for the response timeout, ``handle_timeout`` gives what to repeat, or raises ResponseTimeout
    when nothing is left to try (over the wrapper at once, or after three repetitions of general blocks, or of
    what datagrams may have lost).

    There is no clock here. Over HDLC somebody who has one calls, in a client, ``handle_timeout`` after the
    response timeout (sooner while ``peer_busy``) and ``keep_alive`` within half of the meter's inactivity
    timeout; in a server ``handle_inactivity_timeout`` when nothing has come for that long; and on either
    side ``handle_inter_octet_timeout`` when a frame that has begun (``unfinished``) does not go on. Own
    frames that the line gives back are recognised and dropped.

    ACSE APDUs and exception-responses travel plain; all others are sealed and opened by ``security`` when
    that is set. Errors: LinkError (the stream or link is lost), SecurityError of kind ``downgrade`` (end the
    association), DecodeError, LocalProtocolError (the request does not fit the negotiated PDU size and no
    block transfer was negotiated; nothing was sent).
    """

    def __new__(
        cls,
        role: Literal["client", "server"],
        framing: WrapperFraming | HdlcFraming,
        *,
        max_receive_apdu_size: int = ...,
        limits: Limits | None = ...,
        general_block_transfer: Literal["off", "when-needed", "always"] = ...,
        general_block_transfer_window: int = ...,
        general_block_transfer_acknowledge_last: bool = ...,
    ) -> Channel:
        """``max_receive_apdu_size`` caps a reassembled APDU or block transfer (default 16 MiB).

        Where general block transfer has been negotiated, it is used ``"when-needed"`` (default) for what does
        not fit and has no block transfer of its service, ``"always"`` for what does not fit, or never; a
        request that comes in general blocks is answered in them in any case but ``"off"``. Its window is 1 to
        63 blocks in one go, either way; the peer's own is kept to as well. A client acknowledges the last
        block of an answer unless it is told not to.

        ``limits``: how much of the data in each APDU is believed.
        """

    def connect(self) -> bytes: ...
    def disconnect(self) -> bytes: ...
    def send(self, apdu: Apdu) -> bytes: ...
    def send_many(self, apdus: Sequence[ActionRequest]) -> bytes:
        """Unconfirmed requests in one crossing, the interpreter lock released.

        Where they go in UI frames, each one is checked before the first is protected or sent.
        """

    def receive(self, data: Buffer) -> tuple[list[Event], bytes]: ...
    def acknowledge(self) -> bytes:
        """Server: what came last gets no answer; what its blocks and the link owe for it all the same.

        Empty over the wrapper, and where it has been said already.
        """

    def handle_timeout(self) -> bytes: ...
    def handle_inter_octet_timeout(self) -> None:
        """Give up the frame that has begun; call ``receive(b"")`` for what stood behind its beginning."""

    def handle_inactivity_timeout(self) -> bool:
        """Server: give up an idle HDLC link, and say whether there was one. DM answers from now on."""

    def keep_alive(self) -> bytes:
        """Client: a poll that the meter answers; nothing over the wrapper, or while an answer is awaited."""

    @property
    def unfinished(self) -> bool:
        """Whether an HDLC frame has begun and not ended."""

    def set_busy(self, busy: bool) -> None:
        """Whether to say RNR instead of RR, and to drop the I frames that come, for now."""

    @property
    def peer_busy(self) -> bool:
        """Whether the other side has said RNR."""

    @property
    def security(self) -> SecurityContext | None: ...
    @security.setter
    def security(self, context: SecurityContext | None) -> None: ...
    def negotiate(self, conformance: int, peer_max_receive_pdu_size: int, *, unanswered: bool = ...) -> None:
        """The outcome of the initiate exchange.

        What may be sent, how large, and where block transfer begins. A server tells with ``unanswered`` that
        it never says anything to this client, not even that a block has arrived.
        """

    def prefer_general_blocks(self) -> None:
        """As with ``"always"`` from now on, unless general block transfer is ``"off"``."""

    def reset_association(self) -> None:
        """Forget outstanding requests, block transfers, negotiation and security; the link stays."""

    @property
    def connected(self) -> bool: ...
    @property
    def idle(self) -> bool:
        """Whether the link has nothing on its way: over HDLC every frame was acknowledged."""

    @property
    def client_sap(self) -> int: ...
    @property
    def server_sap(self) -> int: ...
    @property
    def statistics(self) -> dict[str, int]:
        """Counters since the channel was made.

        ``frames_dropped``, ``frames_repeated``, ``unconfirmed_received`` (APDUs in UI frames),
        ``octets_sent/received``, ``apdus_discarded``.
        """

@disjoint_base
class BlockProtocol:
    """The base of an ``asyncio.BufferedProtocol`` of which the image blocks do not pass through Python.

    For a protocol of client or meter to derive from, as the first of its bases. What comes is given to a
    :class:`BlockRun`, or to what takes blocks on a meter's connection. What is to be sent is offered to the
    kernel at once; what that does not take, and all where octets are enciphered on their way or an earlier
    one still waits, goes to the transport.

    The deriving class has four methods for the rest: ``_come(nbytes)`` for octets that stand in the buffer
    and have not been dealt with, ``_unanswered()`` where there is nothing to send, ``_run_over()`` at the end
    of a run, and ``_failed(error)`` for what a meter's way of blocks raises.
    """

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Arguments are those of the deriving class."""

    def open_line(self, buffer: Buffer, transport: WriteTransport, clock: Callable[[], float]) -> None:
        """Receive into ``buffer``, which may be that of many lines of one loop; send to ``transport``.

        Nobody else may write to the transport. ``clock`` gives the seconds that runs and sinks count in.
        Raises BufferError for a buffer in pieces.
        """

    def close_line(self) -> None:
        """Let go of buffer and transport; nothing comes any more."""

    def put(self, data: bytes) -> None:
        """Send octets, as those of blocks are; without a line they are dropped."""

    def begin_run(self, run: BlockRun) -> None:
        """From now on what comes is given to a run."""

    def end_run(self) -> None:
        """From now on nothing is."""

    def follow_sink(self, connection: object) -> None:
        """From now on what comes is given to ``connection.sink``, while there is a :class:`BlockSink`."""

    def get_buffer(self, sizehint: int) -> Buffer:
        """Where the loop receives to. Raises BufferError without a line."""

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets have come."""

@final
class LinePoller:
    """Receives for all lines of an event loop that can watch an ``epoll``.

    A loop calls ``receive`` when the ``epoll`` can be read. What has come on a line is dealt with as
    :meth:`BlockProtocol.buffer_updated` does it; image blocks need neither the loop nor the transport. A
    line has two methods more: ``_ended()`` where its socket has ended or failed, and ``_broken(error)`` for
    what one of its methods raises. A turn deals with 64 arrivals at most.
    """

    def __new__(cls, epoll: select.epoll) -> Self: ...
    def add(self, line: BlockProtocol, descriptor: int) -> None:
        """Watch the socket of a line, which is open until the line is removed. Raises OSError."""

    def remove(self, line: BlockProtocol, descriptor: int) -> None:
        """Watch it no more; nothing where it is not watched, or the descriptor is another line's by now."""

    def receive(self) -> None:
        """Deal with what has come. Raises what ``_ended`` and ``_broken`` do, when all is dealt with."""

    def __len__(self) -> int:
        """How many lines are watched."""

@final
class BlockSink:
    """A meter's short way for the blocks of one image that a client is sending over a channel.

    ``receive`` takes octets in place of :meth:`Channel.receive`. As long as whole image blocks come that are
    missing, of the right length and not the last ones, they are stored, marked in ``status`` and answered
    with success; one that comes again with the same octets is answered. Whoever opens it sees to it that
    nothing but that could come of them, and closes it before anything else happens.
    """

    def __new__(
        cls,
        channel: Channel,
        status: BlockStatus,
        blocks: Buffer,
        digests: Buffer,
        *,
        class_id: int,
        logical_name: bytes,
        method_id: int,
        image_size: int,
        image_block_size: int,
        serial: int,
        most_blocks: int,
        counter_margin: int,
        now: float,
        until: float,
        longest_silence: float,
        peer_counter: int | None = ...,
        silent: bool = ...,
    ) -> BlockSink:
        """``blocks`` and ``digests`` are written in place: the image, and 16 octets for each block.

        It takes at most ``most_blocks``, none under an invocation counter above ``peer_counter``, and keeps
        ``counter_margin`` counters in reserve. It takes nothing from ``until`` on, nor after
        ``longest_silence`` seconds of silence; ``now`` is when octets came last. With ``silent`` it takes
        only what asks for no answer.

        Raises ValueError where ``status`` is that of another image, BufferError where the memory is too
        small or cannot be written.
        """

    def receive(self, data: Buffer, now: float) -> bytes | None:
        """Take octets from the line.

        Returns the octets of all answers; ``None`` where the ordinary way is to go on: with what
        :meth:`take_rest` gives, or where that is ``None`` with the octets, which have not been looked at.
        Errors as of :meth:`Channel.receive` and :meth:`Channel.send`.
        """

    def take_rest(self) -> tuple[list[Event], bytes] | None:
        """What :meth:`Channel.receive` would have given for the octets that were more than blocks, once."""

    def close(self) -> None:
        """Let go of the memory; nothing is taken any more."""

    @property
    def taken(self) -> int:
        """How many blocks it has taken."""

    @property
    def heard_at(self) -> float:
        """When octets came last."""

    @property
    def called_at(self) -> float | None:
        """When a block was taken last."""
