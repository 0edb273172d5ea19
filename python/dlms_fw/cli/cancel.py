"""``dlms-fw cancel``: take back a scheduled activation. The verified image stays in the meter."""

from __future__ import annotations

import click

from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.cli.target import Target, aimed
from dlms_fw.cosem.single_action_schedule import SingleActionSchedule
from dlms_fw.driver import single
from dlms_fw.transfer import MeterObjects, withdraw_schedule


@click.command()
@reported("cancel")
@aimed
def cancel(outcome: Outcome, target: Target) -> None:
    """Take back a scheduled activation at the meter at URL; the image stays there, verified.

    `upgrade` with the same image activates it later, now or at another time.
    """
    outcome.facts["changed"] = False
    objects = MeterObjects()
    with target.client() as client:
        client.connect()
        if not client.get(SingleActionSchedule(objects.activation_scheduler).execution_time):
            outcome.say("nothing to do: no activation is scheduled")
            return
        steps = withdraw_schedule(objects)
        request = next(steps)
        outcome.facts["changed"] = True
        while True:
            try:
                request = steps.send(single(client.exchange(request)))
            except StopIteration:
                break
    outcome.say("done: no activation is scheduled any more")
