"""Run a simulated meter inside a program, make its new firmware fail, and see what the client makes of it.

python simulate_meter.py
"""

from __future__ import annotations

import stage

import dlms_fw
from dlms_fw.cosem import Data
from dlms_fw.cosem.well_known import active_firmware_identifier
from dlms_fw.errors import ActivationFailed
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.serve import MeterServer


def active_identifier(client: dlms_fw.Client) -> object:
    """The identifiers of the application (part 1), the running one first."""
    return client.get(Data(active_firmware_identifier(1)).value).plain()


def mend(server: MeterServer) -> None:
    """New firmware boots from here on."""
    if server.meter is not None:
        server.meter.set_behaviour(FirmwareBehaviour.GOOD)


def main() -> None:
    with (
        stage.temporary_folder() as folder,
        dlms_fw.Journal(folder / "journal.sqlite3") as records,
        stage.simulated_meter(behaviour=FirmwareBehaviour.NO_BOOT) as meter,
        dlms_fw.connect(meter.url, stage.PROFILE, journal=records) as client,
    ):
        print("before:", active_identifier(client))
        try:
            client.upgrade(stage.signed_image(), stage.POLICY)
        except ActivationFailed as error:
            print("failed, as it should:", error)
        print("after: ", active_identifier(client))

        # The same meter with better firmware. `call` runs a function in the meter's own thread.
        meter.call(mend)
        print("again: ", client.upgrade(stage.signed_image(), stage.POLICY).outcome)


if __name__ == "__main__":
    main()
