"""An interface class made real: the check that a server's object has the rows of the table, and the dispatch.

Octets in, octets out, by the types of the rows. This module does not know associations or access rights (the
server looks at those before it comes here), nor any particular interface class.

    class ImageStore(ServerObject, interface=ImageTransfer):
        image_block_size: int  # an annotated attribute,

        @property
        def image_transfer_status(self) -> ImageTransferStatus: ...  # or a property: read only without setter

        def image_block_transfer(self, image_block_number: int, image_block_value: bytes) -> None: ...

A missing row, a public name that is no row and a method with other parameters are TypeErrors when the class
is made. Selective access to an attribute is a method ``select_<attribute>(selector, parameters)`` that gives
the selected value.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any, ClassVar

from dlms_fw._core import ActionRequest
from dlms_fw.cosem.interface import AttributeRow, InterfaceClass, MethodRow
from dlms_fw.enums import ActionResult, DataAccessResult
from dlms_fw.errors import DecodeError, DlmsError
from dlms_fw.logical_name import LogicalName, LogicalNameLike


class CosemFault(DlmsError):  # an answer of the server, not an error of the library
    """The result, other than success, with which an object answers a request.

    Attributes:
        result: A data-access-result for GET and SET, an action-result for ACTION.
    """

    code = "cosem.fault"

    def __init__(self, result: DataAccessResult | ActionResult) -> None:
        super().__init__(result.name.lower().replace("_", "-"))
        self.result = result


class ServerObject:
    """One COSEM object in a server; a subclass names its interface class and implements every row of it.

    Class keywords:
        interface: The interface class. A subclass of an implementation has the interface of its parent.
        own: The public names of the implementation that are no rows: what the rest of the server uses.

    Args:
        instance_id: The value of ``logical_name``, in any of the forms of :class:`LogicalName`.
    """

    interface: ClassVar[type[InterfaceClass]]
    _own: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, instance_id: LogicalNameLike) -> None:
        self._logical_name = LogicalName(instance_id)

    def __init_subclass__(
        cls, *, interface: type[InterfaceClass] | None = None, own: Collection[str] = (), **keywords: Any
    ) -> None:
        super().__init_subclass__(**keywords)
        cls._own = cls._own | frozenset(own)
        if interface is not None:
            cls.interface = interface
        _hold_against_table(cls)

    @property
    def logical_name(self) -> LogicalName:
        """Attribute 1."""
        return self._logical_name

    def read(self, attribute_id: int, selection: tuple[int, bytes] | None = None) -> bytes:
        """The encoded value of an attribute, or the selected part of it.

        Raises:
            CosemFault: There is no such attribute, it has no selective access, or it answers with a fault.
        """
        row = self.interface.attributes.get(attribute_id) or self._attribute(attribute_id)
        if selection is None:
            return row.data_type.schema.encode(getattr(self, row.name))
        select = getattr(self, f"select_{row.name}", None)
        if select is None:
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        try:
            return row.data_type.encode(select(*selection))
        except DecodeError:
            raise CosemFault(DataAccessResult.TYPE_UNMATCHED) from None

    def write(self, attribute_id: int, data: bytes) -> None:
        """Set an attribute to an encoded value.

        Raises:
            CosemFault: There is no such attribute, it cannot be written, the data are not of its type, or it
                answers with a fault.
        """
        row = self._attribute(attribute_id)
        implementation = inspect.getattr_static(type(self), row.name, None)
        if isinstance(implementation, property) and implementation.fset is None:
            raise CosemFault(DataAccessResult.READ_WRITE_DENIED)
        try:
            value = row.data_type.decode(data, strict=False)
        except DecodeError:
            raise CosemFault(DataAccessResult.TYPE_UNMATCHED) from None
        setattr(self, row.name, value)

    def invoke(self, method_id: int, parameter: bytes | None) -> bytes | None:
        """Call a method with an encoded parameter; returns the encoded return parameters, if it has any.

        Raises:
            CosemFault: There is no such method, the parameter is absent or not of its type, or it answers
                with a fault.
        """
        row = self.interface.methods.get(method_id)
        if row is None:
            raise CosemFault(ActionResult.OBJECT_UNDEFINED)
        if parameter is None:
            raise CosemFault(ActionResult.TYPE_UNMATCHED)
        try:
            arguments = row.decode_parameter(parameter)
        except DecodeError:
            raise CosemFault(ActionResult.TYPE_UNMATCHED) from None
        returned = getattr(self, row.name)(*arguments)
        return None if row.returns is None else row.returns.encode(returned)

    def take_many(self, requests: tuple[ActionRequest, ...], first: int) -> int:  # noqa: ARG002 (takes none)
        """How many calls of a list, from ``first`` on, it has carried out at once, each with success.

        All of them call the method of the first, which the caller may call.
        """
        return 0

    def _attribute(self, attribute_id: int) -> AttributeRow[Any]:
        row = self.interface.attributes.get(attribute_id)
        if row is None:
            raise CosemFault(DataAccessResult.OBJECT_UNDEFINED)
        return row

    def __repr__(self) -> str:
        return f'{type(self).__name__}("{self.logical_name}")'


def _hold_against_table(cls: type[ServerObject]) -> None:
    """Raise TypeError where the public names of an implementation are not the rows of its interface."""
    if not hasattr(cls, "interface"):
        raise TypeError(f"{cls.__name__}: say which interface it implements: interface=…")
    rows = cls.interface.rows
    implemented = {
        name
        for parent in cls.__mro__[: cls.__mro__.index(ServerObject)]
        for name in (*vars(parent), *inspect.get_annotations(parent))
        if not name.startswith("_")
    }
    implemented -= cls._own | {f"select_{row.name}" for row in cls.interface.attributes.values()}
    implemented -= {"interface", *vars(ServerObject)}
    implemented |= {"logical_name"}
    if missing := [name for name in rows if name not in implemented]:
        raise TypeError(f"{cls.__name__} lacks {', '.join(missing)} of {cls.interface.__name__}")
    if extra := sorted(implemented - rows.keys()):
        raise TypeError(f"{cls.__name__} has {', '.join(extra)}, which {cls.interface.__name__} has not")
    for row in cls.interface.methods.values():
        _hold_against_row(cls, row)


def _hold_against_row(cls: type[ServerObject], row: MethodRow[..., Any]) -> None:
    implementation = getattr(cls, row.name, None)
    if not inspect.isfunction(implementation):
        raise TypeError(f"{cls.__name__}.{row.name} is not a method")
    _, *names = inspect.signature(implementation).parameters
    if tuple(names) != row.parameter_names:
        raise TypeError(f"{cls.__name__}.{row.name} takes ({', '.join(names)}), not {row!r}")
