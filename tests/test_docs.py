"""What the documentation shows is true: links lead somewhere, commands are accepted, code runs."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import click
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dlms_fw.cli.root import main
from dlms_fw.elliptic_keys import generate_key, private_pem
from dlms_fw.profile_files import parse_profile

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benches/*.md")
    for path in ROOT.glob(pattern)
    if "build" not in path.parts
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
DOTTED = re.compile(r"`(dlms_fw(?:\.\w+)+)")
REPOSITORY_FILE = re.compile(r"`((?:examples|tests|benches|docs|python|rust)/[\w./-]+)`")
ELSEWHERE = {
    "--locked",
    "--rotate-all",
    "--operations",
    "--image-kib",
    "--benchmark-only",
    "--benchmark-json",
    "--benchmark-disable-gc",
    "--ignore",
    "--strict",
}
"""Options in the text that are another program's."""


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(path.read_text()) if language in languages]


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


@cache
def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    taken: set[str] = set()
    for heading in HEADING.findall(prose(path)):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        taken.add(next(name for n in count() if (name := f"{slug}-{n}" if n else slug) not in taken))
    return taken


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} does not exist"
        assert not anchor or anchor in anchors(target), f"{link} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_file_that_is_named_exists(page: Path) -> None:
    for name in REPOSITORY_FILE.findall(prose(page)):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_name_of_the_library_exists(page: Path) -> None:
    for name in DOTTED.findall(prose(page)):
        assert exists(name), name


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found: Any = importlib.import_module(".".join(parts[:length]))
            for part in parts[length:]:
                if not hasattr(found, part):
                    return False
                found = getattr(found, part)
            return True
    return False


# --- The command line ---------------------------------------------------------------------------------------


def shown_commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in blocks(page, "console", "text", ""):
            for line in block.splitlines():
                words = line.removeprefix("$ ").strip()
                if line.startswith(("$ ", "  ")) and words.startswith(("dlms-fw ", ".venv/bin/dlms-fw ")):
                    yield f"{ids(page)}: {words}", shlex.split(words)[1:]


@pytest.mark.parametrize("arguments", [pytest.param(words, id=name) for name, words in shown_commands()])
def test_every_command_that_is_shown_is_accepted(arguments: list[str]) -> None:
    command: click.Command = main
    arguments = list(arguments)
    context = click.Context(main)
    while isinstance(command, click.Group):
        name = arguments.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command = found
    with contextlib.suppress(click.exceptions.Exit):  # an option such as --list-models ends the command
        command.make_context(command.name, arguments)  # raises where it would not be accepted


def all_commands(command: click.Command = main) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from all_commands(found)


@cache
def all_options() -> frozenset[str]:
    return frozenset(
        option
        for command in all_commands()
        for parameter in command.get_params(click.Context(command))
        for option in (*parameter.opts, *parameter.secondary_opts)
    )


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_option_that_is_named_exists(page: Path) -> None:
    named = {option for code in re.findall(r"`([^`]+)`", prose(page)) for option in OPTION.findall(code)}
    assert named - ELSEWHERE - all_options() == set()


def test_every_command_and_option_is_in_the_reference() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text()
    missing = {option for option in all_options() if option.startswith("--") and option not in reference}
    assert missing - {"--help", "--version"} == set()
    for command in all_commands():
        assert command.name == "main" or f"{command.name}" in reference


# --- Code ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=ids)
def test_python_compiles_and_what_is_complete_runs(page: Path) -> None:
    """A block that begins with its imports is complete; the one in the README has a test of its own."""
    complete = []
    for block in blocks(page, "python"):
        compile(block, ids(page), "exec")
        if block.startswith(("import ", "from ")) and page.name != "README.md":
            complete.append(block)
    program = "\n".join(f"exec({block!r}, {{'__name__': 'example'}})" for block in complete)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=ids)
def test_profiles_are_accepted(page: Path) -> None:
    own = generate_key("P-256")
    theirs = own.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secrets = {"AES": "00" * 16, "PRIVATE": private_pem(own).decode(), "PUBLIC": theirs.decode()}
    for block in blocks(page, "toml"):
        for name, table in tomllib.loads(block).get("profiles", {}).items():
            for key, value in table.items():
                if isinstance(value, str) and value.startswith(("file:", "env:", "cmd:")):
                    pem = "env:PUBLIC" if key.startswith("peer_") else "env:PRIVATE"
                    table[key] = pem if value.endswith(".pem") else "env:AES"
            parse_profile(table, name, folder=page.parent, environ=secrets)
