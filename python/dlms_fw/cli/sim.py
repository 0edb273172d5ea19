"""``dlms-fw sim``: a simulated meter on a medium, in the foreground until it is told to stop.

The first line on standard output is ``listening on URL``, for whoever started it; people are told the rest on
standard error. What the meter does is decided by its configuration, which is made here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import count as counting
from pathlib import Path
from typing import Any

import click

from dlms_fw._core import DateTime, PrivateKey
from dlms_fw.cli.image import parsed_by
from dlms_fw.cli.keys import read_certificate
from dlms_fw.cli.outcome import Outcome
from dlms_fw.cli.sim_count import FILES_OF_A_METER, Spread, address_of, count_options, memory_of
from dlms_fw.cli.sim_faults import fault_options, faults
from dlms_fw.cli.sim_switches import switch_options, switches
from dlms_fw.cli.target import chosen_profile, profile_options, without_security
from dlms_fw.elliptic_keys import private_key_in
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, DlmsError
from dlms_fw.fleet import FILES_BESIDE, allow_open_files
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.configuration import MeterConfig, numbered
from dlms_fw.meter.connection import Framing
from dlms_fw.meter.deliveries import Deliveries
from dlms_fw.meter.group import behind_gateway, bus, logical_devices
from dlms_fw.meter.live.load import ConstantLoad
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.model_files import load_model, model_names
from dlms_fw.meter.model_settings import configured
from dlms_fw.meter.push import MeterPush, push_periodically
from dlms_fw.meter.recorded import recorded_model
from dlms_fw.meter.serve import MeterServer, serve_all
from dlms_fw.profile_files import read_key
from dlms_fw.profiles import Profile
from dlms_fw.record import load_record
from dlms_fw.secret_references import read_secret
from dlms_fw.signing_keys import load_public_keys
from dlms_fw.transports.faults import LINKS, ShapedLink

TOGETHER = {"logical-devices": logical_devices, "bus": bus, "gateway": behind_gateway}

_SECONDS = click.FloatRange(0, 86_400)


def _list_models(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    for name in model_names():
        click.echo(f"{name:<12}{load_model(name).title}")
    context.exit()


@click.command()
@click.option(
    "--listen",
    required=True,
    metavar="URL",
    help="tcp://, udp:// or hdlc+tcp://HOST:PORT (port 0 is any), serial:DEVICE or pty.",
)
@click.option(
    "--group",
    multiple=True,
    metavar="ADDRESS[%INTERFACE][:PORT]",
    help="A multicast group to listen to as well, with udp://.",
)
@click.option(
    "--model",
    default="mcs301",
    show_default=True,
    metavar="MODEL",
    help="What meter: a name of --list-models, FILE.toml, or MODULE:NAME of a Python model.",
)
@click.option(
    "--list-models",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_list_models,
    help="List the meter models that ship with dlms-fw, and end.",
)
@click.option("--from", "source", metavar="FILE", help="Be the meter that dlms-fw record has recorded.")
@click.option("--state", metavar="DIR", help="Its memory; made where it is missing.")
@click.option("--volatile", is_flag=True, help="Without --state: it forgets everything when it is stopped.")
@count_options
@profile_options
@click.option("--trust", multiple=True, metavar="FILE", help="A vendor's public key, PEM; may be repeated.")
@click.option("--block-size", type=click.IntRange(1, 0xFFFF), help="Octets of an image block.")
@click.option(
    "--firmware-behaviour",
    type=click.Choice([behaviour.value for behaviour in FirmwareBehaviour]),
    default=FirmwareBehaviour.GOOD.value,
    show_default=True,
    help="What a new firmware does when it is tried.",
)
@click.option(
    "--clock", type=parsed_by(datetime.fromisoformat), metavar="TIME", help="Set its clock, ISO 8601."
)
@click.option("--utc-offset", type=click.IntRange(-720, 840), metavar="MINUTES", help="Local time minus UTC.")
@click.option("--reboot-seconds", type=_SECONDS, help="How long a reboot takes.")
@click.option("--verify-seconds", type=_SECONDS, help="How long it verifies an image.")
@click.option("--sync", type=click.IntRange(1), metavar="N", help="Blocks between two writes to the disk.")
@click.option("--accept-raw", is_flag=True, help="Take images without a container.")
@click.option("--allow-downgrade", is_flag=True, help="Take older versions.")
@click.option("--no-self-verify", is_flag=True, help="Verify only when told to.")
@click.option(
    "--identifiers",
    type=click.Choice(["newest-first", "newest-last"]),
    help="Where the running firmware's identifier stands in its array.",
)
@switch_options
@click.option("--master-key", metavar="REF", help="Its master key: file:PATH, env:NAME or cmd:COMMAND.")
@click.option("--signing-key", metavar="REF", help="Its private key for signatures, PEM, referred to alike.")
@click.option("--key-agreement-key", metavar="REF", help="Its private key for key agreement, PEM.")
@click.option(
    "--trust-anchor", multiple=True, metavar="FILE", help="A certificate of an authority; may be repeated."
)
@click.option("--security-setup-version", type=click.IntRange(0, 1), help="Of its Security setup.")
@click.option("--association-version", type=click.IntRange(0, 3), help="Of its Association LN.")
@click.option("--meters", type=click.IntRange(1, 1000), default=1, help="So many on the same line.")
@click.option(
    "--together",
    type=click.Choice(list(TOGETHER)),
    default="logical-devices",
    show_default=True,
    help="What --meters are to each other.",
)
@fault_options
@click.option("--link", type=click.Choice(list(LINKS)), help="Be as slow and as bad as this link, over TCP.")
@click.option("--loss", type=click.FloatRange(0, 1), help="Share of pieces that --link loses.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the accidents of --link.")
@click.option(
    "--load", type=float, metavar="WATTS", help="What hangs on it, always the same; a household without."
)
@click.option("--push-to", metavar="URL", help="Push there, as dlms-fw listen takes it.")
@click.option("--push-every", type=_SECONDS, default=60.0, show_default=True, help="Seconds between pushes.")
@click.option("--push-confirmed", is_flag=True, help="Ask for confirmations.")
@click.option(
    "--push-setups",
    is_flag=True,
    help="Send what its push setups push, to --push-to or to their own destinations.",
)
def sim(
    listen: str,
    group: tuple[str, ...],
    model: str,
    source: str | None,
    state: str | None,
    volatile: bool,
    count: int,
    spread: Spread,
    config: str | None,
    profile: str | None,
    trust: tuple[str, ...],
    firmware_behaviour: str,
    clock: datetime | None,
    meters: int,
    together: str,
    link: str | None,
    loss: float | None,
    seed: int,
    push_to: str | None,
    push_every: float,
    push_confirmed: bool,
    push_setups: bool,
    **settings: Any,
) -> None:
    """Run a simulated meter that survives kill -9; SIGTERM or Ctrl-C stop it."""
    with Outcome("sim", as_json=False) as outcome:
        endpoint = Endpoint.parse(listen, listen=True)
        if group and endpoint.scheme != "udp":
            raise ConfigurationError("--group goes with udp:// only")
        chosen = chosen_profile(config, profile)
        meter = _made(
            model,
            source,
            chosen or without_security(),
            trusted=tuple(load_public_keys(trust)),
            behaviour=FirmwareBehaviour(firmware_behaviour),
            **_changes(settings),
        )
        _warn(endpoint, meter)
        links = _links(link, loss, seed)

        def server(number: int) -> MeterServer:
            own = numbered(meter, number * meters)
            pushing = None if push_to is None else _Pushing(push_to, push_every, confirmed=push_confirmed)

            def on_power_up(powered: SimulatedMeter) -> None:
                if clock is not None:
                    _set_clock(powered, clock)
                if pushing is not None:
                    pushing.begin(powered)

            return MeterServer(
                own if meters == 1 else TOGETHER[together](own, meters),
                memory_of(state, number, count, volatile=volatile),
                address_of(endpoint, number, spread),
                groups=group,
                links=links,
                on_power_up=on_power_up,
                deliveries=_deliveries(push_to) if push_setups else None,
            )

        servers = [server(number) for number in range(count)]
        running = serve_all(servers, on_listening=lambda url: outcome.say(f"listening on {url}"))
        try:
            allow_open_files(FILES_OF_A_METER * count + FILES_BESIDE)
            asyncio.run(running)
        except DlmsError:
            raise
        except OSError as error:
            raise ConfigurationError(
                f"the state directory {state} cannot be used: {error.strerror}"
            ) from error


def _made(model: str, source: str | None, profile: Profile, **changes: Any) -> MeterConfig:
    """The meter of a model, or of a record."""
    if source is None:
        return configured(load_model(model), profile, **changes)
    recorded = recorded_model(load_record(source), name=source, with_keys=profile.needs_keys)
    return configured(recorded, profile, **changes)


def _links(name: str | None, loss: float | None, seed: int) -> Callable[[], ShapedLink] | None:
    """What makes the link of each connection; they have different accidents."""
    if name is None:
        if loss is not None:
            raise ConfigurationError("--loss goes with --link only")
        return None
    profile = LINKS[name] if loss is None else replace(LINKS[name], loss=loss)
    seeds = counting(seed)
    return lambda: ShapedLink(profile, next(seeds))


def _changes(settings: dict[str, Any]) -> dict[str, Any]:
    """What was given of the meter's configuration."""
    fields = {
        "image_block_size": settings["block_size"],
        "verify_seconds": settings["verify_seconds"],
        "sync_every_blocks": settings["sync"],
        "utc_offset_minutes": settings["utc_offset"],
        "identifiers_order": settings["identifiers"],
        "master_key": None if settings["master_key"] is None else read_key(settings["master_key"]),
        "signing_key": _private_key(settings["signing_key"]),
        "key_agreement_key": _private_key(settings["key_agreement_key"]),
        "trust_anchors": tuple(read_certificate(path).der for path in settings["trust_anchor"]) or None,
        "load": None if settings["load"] is None else ConstantLoad(settings["load"]),
        "security_setup_version": settings["security_setup_version"],
        "association_version": settings["association_version"],
        "accept_raw": settings["accept_raw"] or None,
        "allow_downgrade": settings["allow_downgrade"] or None,
        "self_verify": False if settings["no_self_verify"] else None,
        "timings": _timings(settings),
        "lies": faults(settings) or None,
    } | switches(settings)
    return {name: value for name, value in fields.items() if value is not None}


def _timings(settings: dict[str, Any]) -> ActivationTimings:
    given = {name: settings[name] for name in ("reboot_seconds", "confirmation_seconds")}
    return ActivationTimings(**{name: seconds for name, seconds in given.items() if seconds is not None})


def _private_key(reference: str | None) -> PrivateKey | None:
    if reference is None:
        return None
    try:
        return private_key_in(read_secret(reference, Path(), os.environ))
    except ValueError as error:
        raise ConfigurationError(f"a private key cannot be read: {error}", code="configuration.key") from None


def _deliveries(url: str | None) -> Deliveries:
    return Deliveries(None if url is None else Endpoint.parse(url, listen=True))


class _Pushing:
    """Has the meter push for as long as it has power."""

    def __init__(self, url: str, every_s: float, *, confirmed: bool) -> None:
        self._endpoint = Endpoint.parse(url, listen=True)
        self._every_s = every_s
        self._confirmed = confirmed
        self._task: asyncio.Task[None] | None = None

    def begin(self, meter: SimulatedMeter) -> None:
        """The meter is there: what an earlier one did ends."""
        if self._task is not None:
            self._task.cancel()
        framing: Framing = "hdlc" if self._endpoint.scheme == "hdlc+tcp" else "wrapper"
        push = MeterPush(meter, framing, confirmed=self._confirmed)
        self._task = asyncio.ensure_future(push_periodically(push, self._endpoint, self._every_s))


def _set_clock(meter: SimulatedMeter, time: datetime) -> None:
    meter.units.clock.set(DateTime.from_datetime(time))


def _warn(endpoint: Endpoint, meter: MeterConfig) -> None:
    """What a person should know who did not mean it."""
    if meter.mechanism == 0 and meter.global_unicast_encryption_key is None:
        click.echo("warning: no profile with keys or password: any client may manage this meter", err=True)
        if endpoint.is_network and not _is_loopback(endpoint.host):
            click.echo(f"warning: and {endpoint.host} can be reached from other machines", err=True)
    if not meter.trusted:
        click.echo("warning: no --trust: the meter takes an image signed by anybody", err=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
