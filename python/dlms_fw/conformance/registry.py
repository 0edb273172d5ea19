"""Which procedure belongs to which case."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from dlms_fw.conformance.verdicts import SuiteError

if TYPE_CHECKING:
    from dlms_fw.conformance.site import Site

Procedure: TypeAlias = "Callable[[Site], None]"

_PROCEDURES: dict[str, Procedure] = {}


def case(number: str) -> Callable[[Procedure], Procedure]:
    """Make a function the procedure of a case: it returns where the meter passes, or raises a CaseEnd."""

    def register(procedure: Procedure) -> Procedure:
        if number in _PROCEDURES:
            raise SuiteError(f"{number} has two procedures")
        _PROCEDURES[number] = procedure
        return procedure

    return register


def procedures() -> Mapping[str, Procedure]:
    """All procedures by the ids of their cases."""
    package = import_module("dlms_fw.conformance.procedures")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return _PROCEDURES
