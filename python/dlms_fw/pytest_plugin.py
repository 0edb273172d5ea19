"""Fixtures of pytest with simulated meters; pytest finds them by itself once the package is installed.

- ``dlms_simulation``: a virtual clock with its meters, a :class:`dlms_fw.simulation.Simulation`.
- ``dlms_meter``: a meter on that clock, a :class:`dlms_fw.simulation.VirtualMeter`.
- ``dlms_meter_factory``: makes more of them, and meters on a medium in real time, a
  :class:`dlms_fw.meter_factory.MeterFactory`.

Nothing of the library is imported before a test asks for one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dlms_fw.meter_factory import MeterFactory
    from dlms_fw.simulation import Simulation, VirtualMeter


@pytest.fixture
def dlms_simulation() -> Simulation:
    """A virtual clock, one source of chance, and the meters that live by them."""
    from dlms_fw.simulation import Simulation

    return Simulation()


@pytest.fixture
def dlms_meter_factory(dlms_simulation: Simulation) -> Iterator[MeterFactory]:
    """Makes simulated meters, in virtual time or on a medium, and ends them after the test."""
    from dlms_fw.meter_factory import MeterFactory

    with MeterFactory(dlms_simulation) as factory:
        yield factory


@pytest.fixture
def dlms_meter(dlms_meter_factory: MeterFactory) -> VirtualMeter:
    """A simulated meter in virtual time, with keys that everybody knows."""
    return dlms_meter_factory()
