"""What a client has learned about the objects of its meter, so that it need not ask again.

What a meter does not change by itself is kept for as long as the client; the object list belongs to one
association.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlms_fw.logical_name import LogicalName

if TYPE_CHECKING:
    from dlms_fw.cosem.registers import ScalerUnit
    from dlms_fw.reading.association_view import AssociationView
    from dlms_fw.reading.meter_zone import MeterZone
    from dlms_fw.reading.profile_description import ProfileDescription

__all__ = ["Known"]


@dataclass(slots=True)
class Known:
    """What is known of one meter.

    Attributes:
        association: Whose view is kept, any object that is another one in every association.
        view: What the association shows.
        scaler_units: By class_id and logical name; ``None`` where the meter does not tell.
        profiles: How profiles are built, by logical name.
        zones: The local time of clocks, by logical name.
    """

    association: object = None
    view: AssociationView | None = None
    scaler_units: dict[tuple[int, LogicalName], ScalerUnit | None] = field(default_factory=dict)
    profiles: dict[LogicalName, ProfileDescription] = field(default_factory=dict)
    zones: dict[LogicalName, MeterZone] = field(default_factory=dict)

    def view_of(self, association: object) -> AssociationView | None:
        """The view of this association, where it was read already."""
        return self.view if self.association is association else None

    def keep_view(self, association: object, view: AssociationView) -> None:
        """Remember the view of an association, instead of any other."""
        self.association, self.view = association, view

    def forget(self) -> None:
        """Ask for everything anew, after the meter was configured."""
        self.association = self.view = None
        self.scaler_units.clear()
        self.profiles.clear()
        self.zones.clear()
