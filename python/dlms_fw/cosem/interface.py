"""COSEM interface classes as tables: a class body is the Blue Book table, in its order and names.

One table serves both ends. A client makes an object of the class, and each row of it becomes a typed request:
no value and no IO hides behind a dot. A server holds its implementation against the same rows (`server.py`)
and dispatches by them. This module knows rows, types and requests; it knows no association, no access right
and no particular interface class.

The rules of a class body, each broken one a TypeError when the class is made:

- ``class_id`` and ``version`` come together, as class keywords; a class with neither only lends its rows to
  the versions that share them and cannot be instantiated. A pair is declared once.
- ``confirmed=False`` says that the rows are not confirmed against the Blue Book.
- ``short_name_methods`` says where the short names of the methods begin, counted from the base name; classes
  that take rows over take it over as well.
- Attribute 1 is ``logical_name`` and comes from here. Ids are octets with a sign and never 0; negative ones
  are manufacturer specific. No id and no name stands twice, inherited rows included.
- Every public name in the body is a row.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, overload

from dlms_fw._core import ActionRequest, GetRequest, ImageBlock, SetRequest
from dlms_fw.axdr import DataType, integer, logical_name_octets
from dlms_fw.errors import RemoteProtocolError
from dlms_fw.logical_name import LogicalName, LogicalNameLike

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

# What methods without a real argument take: integer (0).
_NO_ARGUMENT = integer.encode(0)


class Selection(NamedTuple):
    """Selective access: which part of an attribute is meant."""

    selector: int
    parameters: bytes
    """The access parameters, a complete A-XDR encoding."""


class AttributeRow(Generic[T]):
    """One attribute of an interface class: its id, name and type; on an object an :class:`AttributeRef`."""

    __slots__ = ("attribute_id", "data_type", "name", "static")

    def __init__(self, attribute_id: int, data_type: DataType[T], *, static: bool) -> None:
        self.attribute_id = attribute_id
        self.data_type = data_type
        self.static = static
        self.name = ""

    def __set_name__(self, owner: type[InterfaceClass], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[InterfaceClass]) -> AttributeRow[T]: ...
    @overload
    def __get__(self, instance: InterfaceClass, owner: type[InterfaceClass]) -> AttributeRef[T]: ...
    def __get__(
        self, instance: InterfaceClass | None, owner: type[InterfaceClass]
    ) -> AttributeRow[T] | AttributeRef[T]:
        return self if instance is None else AttributeRef(instance, self)

    def __repr__(self) -> str:
        return f"<attribute {self.attribute_id} {self.name}: {self.data_type.name}>"


class MethodRow(Generic[P, R]):
    """One method of an interface class: its id, name and types; on an object a :class:`MethodRef`.

    The declared parameters are the members of the structure that is sent; a single one is sent as it is. A
    row without ``parameter_type`` sends ``integer (0)``, as the standard wants where there is no argument.
    """

    def __init__(
        self,
        method_id: int,
        declaration: Callable[..., R],
        parameter_type: DataType[Any] | None,
        returns: DataType[R] | None,
        *,
        mandatory: bool = False,
    ) -> None:
        _, *parameters = inspect.signature(declaration).parameters.values()
        if any(p.kind is not p.POSITIONAL_OR_KEYWORD or p.default is not p.empty for p in parameters):
            raise TypeError(f"{declaration.__name__}: parameters are plain and have no default")
        if bool(parameters) is not (parameter_type is not None):
            raise TypeError(f"{declaration.__name__}: parameters and a parameter type come together")
        self.method_id = method_id
        self.name = declaration.__name__
        self.parameter_type = parameter_type
        self.returns = returns
        self.mandatory = mandatory
        self.signature = inspect.Signature(parameters)
        self.parameter_names = tuple(p.name for p in parameters)
        self.__doc__ = declaration.__doc__

    @overload
    def __get__(self, instance: None, owner: type[InterfaceClass]) -> MethodRow[P, R]: ...
    @overload
    def __get__(self, instance: InterfaceClass, owner: type[InterfaceClass]) -> MethodRef[P, R]: ...
    def __get__(
        self, instance: InterfaceClass | None, owner: type[InterfaceClass]
    ) -> MethodRow[P, R] | MethodRef[P, R]:
        return self if instance is None else MethodRef(instance, self)

    def encode_parameter(self, *args: P.args, **kwargs: P.kwargs) -> bytes:
        """The encoding of the arguments; raises as :meth:`DataType.encode` where they do not fit."""
        values: tuple[object, ...] = args
        if kwargs or len(args) != len(self.parameter_names):
            values = self.signature.bind(*args, **kwargs).args
        if self.parameter_type is None:
            return _NO_ARGUMENT
        return self.parameter_type.encode(values[0] if len(values) == 1 else values)

    def decode_parameter(self, data: bytes) -> tuple[Any, ...]:
        """The arguments in an encoding; raises DecodeError."""
        if self.parameter_type is None:
            integer.decode(data, strict=False)
            return ()
        value: Any = self.parameter_type.schema.decode(data, strict=False)
        return (value,) if len(self.parameter_names) == 1 else tuple(value)

    def __repr__(self) -> str:
        return f"<method {self.method_id} {self.name}({', '.join(self.parameter_names)})>"


class InterfaceClass:
    """The base of all interface classes; an instance names a COSEM object, its rows are requests to it.

    Args:
        instance_id: The value of the object's ``logical_name``, in any of the forms of :class:`LogicalName`.
    """

    class_id: ClassVar[int]
    version: ClassVar[int]
    confirmed: ClassVar[bool] = True
    """Whether the rows are those of the Blue Book as far as we know; if not, there may be others."""
    short_name_methods: ClassVar[int | None] = None
    """The offset of the short name of method 1, or ``None`` where the Blue Book gives none."""
    logical_name = AttributeRow(1, logical_name_octets, static=True)

    rows: ClassVar[Mapping[str, AttributeRow[Any] | MethodRow[..., Any]]] = {"logical_name": logical_name}
    """All rows by name, attributes before methods."""
    attributes: ClassVar[Mapping[int, AttributeRow[Any]]] = {1: logical_name}
    """The attribute rows by attribute_id, ascending."""
    methods: ClassVar[Mapping[int, MethodRow[..., Any]]] = {}
    """The method rows by method_id, ascending."""
    registry: ClassVar[dict[tuple[int, int], type[InterfaceClass]]] = {}
    """Every declared interface class that is imported, by (class_id, version); see ``interface_class``."""

    def __init__(self, instance_id: LogicalNameLike) -> None:
        if not hasattr(type(self), "class_id"):
            raise TypeError(f"{type(self).__name__} has no class_id: it only lends its rows to others")
        self.instance_id = instance_id if isinstance(instance_id, LogicalName) else LogicalName(instance_id)

    def __init_subclass__(
        cls,
        *,
        class_id: int | None = None,
        version: int | None = None,
        short_name_methods: int | None = None,
        confirmed: bool | None = None,
        **keywords: Any,
    ) -> None:
        super().__init_subclass__(**keywords)
        _collect_rows(cls)
        if short_name_methods is not None:
            cls.short_name_methods = short_name_methods
        if confirmed is not None:
            cls.confirmed = confirmed
        if class_id is None and version is None:
            return
        if class_id is None or version is None:
            raise TypeError(f"{cls.__name__}: class_id and version come together")
        if not 0 <= class_id <= 0xFFFF or not 0 <= version <= 0xFF:
            raise TypeError(f"{cls.__name__}: class_id {class_id}, version {version} is out of range")
        if other := cls.registry.get((class_id, version)):
            raise TypeError(f"{cls.__name__}: class_id {class_id}, version {version} is {other.__name__}")
        cls.class_id = class_id
        cls.version = version
        cls.registry[class_id, version] = cls

    def __eq__(self, other: object) -> bool:
        return other is self or (type(other) is type(self) and other.instance_id == self.instance_id)

    def __hash__(self) -> int:
        return hash((type(self), self.instance_id))

    def __repr__(self) -> str:
        return f'{type(self).__name__}("{self.instance_id}")'


def attribute(attribute_id: int, data_type: DataType[T], *, static: bool = False) -> AttributeRow[T]:
    """One attribute row of an interface class.

    Args:
        attribute_id: As in the Blue Book, from 2 on; negative if it is manufacturer specific.
        data_type: The type of its value.
        static: Whether the Blue Book marks it static: not changed by the server itself while it works.
    """
    return AttributeRow(attribute_id, data_type, static=static)


@overload
def method(
    method_id: int, parameter_type: DataType[Any] | None = None, *, mandatory: bool = ...
) -> Callable[[Callable[Concatenate[Any, P], None]], MethodRow[P, None]]: ...
@overload
def method(
    method_id: int,
    parameter_type: DataType[Any] | None = None,
    *,
    returns: DataType[R],
    mandatory: bool = ...,
) -> Callable[[Callable[Concatenate[Any, P], R]], MethodRow[P, R]]: ...
def method(
    method_id: int,
    parameter_type: DataType[Any] | None = None,
    *,
    returns: DataType[Any] | None = None,
    mandatory: bool = False,
) -> Callable[[Callable[Concatenate[Any, P], Any]], MethodRow[P, Any]]:
    """One method row of an interface class; decorates a declaration that has a docstring and no body.

    Args:
        method_id: As in the Blue Book, from 1 on; negative if it is manufacturer specific.
        parameter_type: The type of the parameter, a structure where the declaration has several; None for
            ``integer (0)``.
        returns: The type of the return parameters, if there are any.
        mandatory: Whether the Blue Book wants every object of the class to have it; most are optional.
    """

    def declare(declaration: Callable[Concatenate[Any, P], Any]) -> MethodRow[P, Any]:
        return MethodRow(method_id, declaration, parameter_type, returns, mandatory=mandatory)

    return declare


class AttributeRef(Generic[T]):
    """One attribute of one object: a typed request, not a value."""

    __slots__ = ("object", "row")

    def __init__(self, instance: InterfaceClass, row: AttributeRow[T]) -> None:
        self.object = instance
        self.row = row

    def get_request(self, selection: Selection | None = None) -> GetRequest:
        """The request that reads it, or the selected part of it."""
        name = self.object.instance_id.to_bytes()
        if selection is None:
            return _reading_all(self.object.class_id, name, self.row.attribute_id)
        return GetRequest(self.object.class_id, name, self.row.attribute_id, selection)

    def set_request(
        self, value: T, selection: Selection | None = None, *, confirmed: bool = True
    ) -> SetRequest:
        """The request that writes it; raises as :meth:`DataType.encode` where the value does not fit."""
        return SetRequest(
            self.object.class_id,
            self.object.instance_id.to_bytes(),
            self.row.attribute_id,
            self.row.data_type.encode(value),
            selection,
            confirmed=confirmed,
        )

    def part(self, selection: Selection | None) -> Reading[T]:
        """The reading of the selected part of it, for requests that ask for several things."""
        return Reading(self, self.get_request(selection))

    def to(self, value: T, selection: Selection | None = None, *, confirmed: bool = True) -> Writing[T]:
        """The writing of a value; raises as :meth:`DataType.encode` where it does not fit."""
        return Writing(self, self.set_request(value, selection, confirmed=confirmed))

    def decode(self, data: bytes) -> T:
        """The value in an answer; raises DecodeError."""
        return self.row.data_type.decode(data, strict=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttributeRef) and other.object == self.object and other.row is self.row

    def __hash__(self) -> int:
        return hash((self.object.instance_id.octets, self.row.attribute_id))

    def __repr__(self) -> str:
        return f"{self.object!r}.{self.row.name}"


@lru_cache(maxsize=1024)  # requests do not change, and the same things are read again and again
def _reading_all(class_id: int, logical_name: bytes, attribute_id: int) -> GetRequest:
    return GetRequest(class_id, logical_name, attribute_id)


class Reading(Generic[T]):
    """An attribute, or a part of it, that is to be read."""

    __slots__ = ("ref", "request")

    def __init__(self, ref: AttributeRef[T], request: GetRequest) -> None:
        self.ref = ref
        self.request = request

    def __repr__(self) -> str:
        return f"<reading of {self.ref!r}>"


class Writing(Generic[T]):
    """An attribute and its new value, which may be a secret and is not shown."""

    __slots__ = ("ref", "request")

    def __init__(self, ref: AttributeRef[T], request: SetRequest) -> None:
        self.ref = ref
        self.request = request

    def __repr__(self) -> str:
        return f"<writing of {self.ref!r}>"


class MethodRef(Generic[P, R]):
    """One method of one object: call it with its arguments, or with a parameter that is encoded already.

    Attributes:
        target: Its class_id, logical name and method_id, as they stand in a request.
    """

    __slots__ = ("object", "row", "target")

    def __init__(self, instance: InterfaceClass, row: MethodRow[P, R]) -> None:
        self.object = instance
        self.row = row
        self.target = instance.class_id, instance.instance_id.to_bytes(), row.method_id

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> MethodCall[R]:
        """The call with these arguments; raises as :meth:`DataType.encode` where they do not fit."""
        return self.encoded(self.row.encode_parameter(*args, **kwargs))

    def encoded(self, parameter: ImageBlock | bytes, *, confirmed: bool = True) -> MethodCall[R]:
        """The call with a parameter that is already encoded, or that the core encodes where it is sent.

        Args:
            parameter: A complete A-XDR encoding, or an image block.
            confirmed: Whether the server shall answer.
        """
        return MethodCall(self.object, self.row, self.request(parameter, confirmed=confirmed))

    def request(self, parameter: ImageBlock | bytes, *, confirmed: bool = True) -> ActionRequest:
        """The request alone, of the same; for who does not ask it what comes back."""
        return ActionRequest(*self.target, parameter, confirmed=confirmed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MethodRef) and other.object == self.object and other.row is self.row

    def __hash__(self) -> int:
        return hash((self.object, self.row))

    def __repr__(self) -> str:
        return f"{self.object!r}.{self.row.name}"


class MethodCall(Generic[R]):
    """A method with its arguments: a request that knows the type of what comes back."""

    __slots__ = ("object", "request", "row")

    def __init__(self, instance: InterfaceClass, row: MethodRow[..., R], request: ActionRequest) -> None:
        self.object = instance
        self.row = row
        self.request = request

    def unconfirmed(self) -> MethodCall[R]:
        """The same call, which the server shall not answer."""
        request = self.request
        return MethodCall(
            self.object,
            self.row,
            ActionRequest(
                request.class_id, request.logical_name, request.method_id, request.parameter, confirmed=False
            ),
        )

    def decode(self, data: bytes | None) -> R:
        """The return parameters in an answer.

        Data that comes back from a method without return parameters is ignored: meters send null-data there.

        Raises:
            DecodeError: The data are not of the declared type.
            RemoteProtocolError: There are none, and the method has return parameters.
        """
        if self.row.returns is None:
            return None  # type: ignore[return-value]  # R is None for a row without return parameters
        if data is None:
            raise RemoteProtocolError(f"{self!r} came back without its return parameters")
        return self.row.returns.decode(data, strict=False)

    def __repr__(self) -> str:
        return f"{self.object!r}.{self.row.name}(...)"


# Names in a table that would hide what every interface class has.
_TAKEN_NAMES = frozenset((*vars(InterfaceClass), *InterfaceClass.__annotations__, "instance_id"))


def _collect_rows(cls: type[InterfaceClass]) -> None:
    """Hold a class body against the rules of this module, and fill in its tables."""
    bases = [base for base in reversed(cls.__bases__) if issubclass(base, InterfaceClass)]
    rows = {name: row for base in bases for name, row in base.rows.items()}
    for name, value in vars(cls).items():
        if name.startswith("_"):
            continue
        if not isinstance(value, AttributeRow | MethodRow):
            raise TypeError(f"{cls.__name__}.{name} is not a row")
        if name in rows or name in _TAKEN_NAMES:
            raise TypeError(f"{cls.__name__}.{name}: the name is taken")
        if value.name != name:
            raise TypeError(f"{cls.__name__}.{name} is the row {value.name}")
        rows[name] = value
    attributes = [(r.attribute_id, r) for r in rows.values() if isinstance(r, AttributeRow)]
    methods = [(r.method_id, r) for r in rows.values() if isinstance(r, MethodRow)]
    cls.attributes = MappingProxyType(dict(_by_id(cls, attributes)))
    cls.methods = MappingProxyType(dict(_by_id(cls, methods)))
    cls.rows = MappingProxyType(
        {r.name: r for r in cls.attributes.values()} | {r.name: r for r in cls.methods.values()}
    )


Row = TypeVar("Row", AttributeRow[Any], MethodRow[..., Any])


def _by_id(cls: type[InterfaceClass], rows: list[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    """The rows in the order of their ids; raises TypeError for an id that is no id or not the only one."""
    previous = None
    for row_id, row in sorted(rows, key=lambda pair: pair[0]):
        if row_id == 0 or not -0x80 <= row_id <= 0x7F:
            raise TypeError(f"{cls.__name__}.{row.name}: {row_id} is not an id")
        if row_id == previous:
            raise TypeError(f"{cls.__name__}.{row.name}: the id {row_id} stands twice")
        previous = row_id
        yield row_id, row
