"""One lie of one meter, as it is written down: its kind and its parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, Self, TypeAlias, get_args

from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.lies.kinds import KINDS, Kind, Value

Keeps: TypeAlias = Literal["all", "half", "none", "nothing"]
_KEEPS: Final = get_args(Keeps)
_FOR_ALL: Final = frozenset({"after", "times", "seconds"})


@dataclass(frozen=True, slots=True)
class Lie:
    """A lie, or another way to misbehave; ``None`` takes the default of its kind.

    Attributes:
        name: Of its kind, see :data:`~dlms_fw.meter.lies.kinds.KINDS`.
        after: So many occasions are honest before it begins.
        times: So often it is told; 0 always.
        seconds: So long it is told, from the first time on; 0 always.
        at_block: The block that it is about.
        every: How many requests are answered in between.
        pause: Seconds in between.
        keeps: What survives a restart.
        away: Seconds that a restart takes.

    Raises:
        ConfigurationError: There is no such kind, it does not take such a parameter, or the value is none.
    """

    name: str
    after: int | None = None
    times: int | None = None
    seconds: float | None = None
    at_block: int | None = None
    every: int | None = None
    pause: float | None = None
    keeps: Keeps | None = None
    away: float | None = None

    def __post_init__(self) -> None:
        kind = self.kind
        for parameter in fields(self)[1:]:
            name, value = parameter.name, getattr(self, parameter.name)
            if name not in kind.defaults and name not in _FOR_ALL:
                if value is not None:
                    raise ConfigurationError(f"fault {self.name}: it takes no {name}")
                continue
            if value is None:
                object.__setattr__(self, name, kind.defaults.get(name, 0))
            elif name == "keeps":
                if value not in _KEEPS:
                    raise ConfigurationError(f"fault {self.name}: keeps is one of {', '.join(_KEEPS)}")
            elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ConfigurationError(f"fault {self.name}: {name} is a number from 0 on")

    @property
    def kind(self) -> Kind:
        """What the table says about it."""
        kind = KINDS.get(self.name)
        if kind is None:
            raise ConfigurationError(f"there is no fault {self.name!r}", hint="dlms-fw sim --list-faults")
        return kind

    @classmethod
    def parse(cls, text: str) -> Self:
        """``NAME`` or ``NAME:PARAMETER=VALUE,…``. Raises ConfigurationError."""
        name, _, rest = text.partition(":")
        parameters: dict[str, Value] = {}
        for item in filter(None, rest.split(",")):
            key, equals, value = item.partition("=")
            if not equals:
                raise ConfigurationError(f"fault {name}: {item!r} is not PARAMETER=VALUE")
            parameters[key.strip()] = _value(value.strip())
        return cls.made(name, parameters)

    @classmethod
    def made(cls, name: str, parameters: dict[str, Value]) -> Self:
        """From parameters by name, as they stand in a file. Raises ConfigurationError."""
        known = {parameter.name for parameter in fields(cls)} - {"name"}
        if unknown := sorted(parameters.keys() - known):
            raise ConfigurationError(f"fault {name}: there is no parameter {unknown[0]!r}")
        return cls(name, **parameters)  # type: ignore[arg-type]  # __post_init__ looks at the values


def _value(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
