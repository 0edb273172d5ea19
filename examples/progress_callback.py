"""A progress bar of your own, in a dozen lines: any callable can follow an upgrade.

python progress_callback.py
"""

from __future__ import annotations

import stage

import dlms_fw
from dlms_fw import events


def show(event: events.Event) -> None:
    if isinstance(event, events.Progress):
        filled = 40 * event.done // event.total
        print(f"[{'#' * filled:<40}] {event.done}/{event.total} blocks, {event.rate / 1000:.0f} kB/s")
    elif isinstance(event, events.PhaseFinished):
        print(f"{event.phase.value}: {event.outcome.value}, {event.seconds:.2f} s")
    elif isinstance(event, events.LoggedEvent):
        print(f"the meter's own log says: {event.name}")
    elif isinstance(event, events.Finished):
        print(f"{event.outcome} in {event.seconds:.1f} s")


def main() -> None:
    with (
        stage.temporary_folder() as folder,
        dlms_fw.Journal(folder / "journal.sqlite3") as records,
        stage.simulated_meter() as meter,
        dlms_fw.connect(meter.url, stage.PROFILE, journal=records) as client,
    ):
        client.upgrade(stage.signed_image(256 * 1024), stage.POLICY, on_event=show)


if __name__ == "__main__":
    main()
