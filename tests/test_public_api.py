"""The public face: what it names, that each name is there, and what it costs to look at."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dlms_fw

FACE = Path(dlms_fw.__file__)

NAMES = [
    "AsymmetricKeys",
    "AsyncClient",
    "BlockingPushListener",
    "Client",
    "ClientSession",
    "Fleet",
    "Image",
    "Journal",
    "Keys",
    "LogicalName",
    "Profile",
    "PushListener",
    "SecurityPolicy",
    "Transfer",
    "TransferPolicy",
    "TransferResult",
    "Version",
    "__version__",
    "connect",
    "connect_async",
    "cosem",
    "errors",
    "load_profile",
]


def test_the_face_is_a_contract() -> None:
    assert dlms_fw.__all__ == NAMES
    assert dir(dlms_fw) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_and_documented(name: str) -> None:
    value = getattr(dlms_fw, name)
    assert name == "__version__" or value.__doc__


def test_what_is_told_to_type_checkers_is_what_is_there() -> None:
    told: set[str] = set()
    for node in ast.walk(ast.parse(FACE.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dlms_fw"):
            told.update(alias.asname or alias.name for alias in node.names)
    assert told == set(NAMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dlms_fw.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, dlms_fw; print(*sorted(m for m in sys.modules if m.startswith(('dlms_fw', 'crypto'))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert run.stdout.split() == ["dlms_fw"]
