"""Interface classes as a type checker sees them: the samples in tests/typing, held against mypy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api")

ROOT = Path(__file__).parent.parent
SAMPLES = ("tests/typing/good.py", "tests/typing/bad.py")


def test_mypy_accepts_the_good_and_refuses_exactly_the_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    output, crash, _ = api.run(["--strict", "--no-error-summary", *SAMPLES])
    assert crash == ""
    errors = re.findall(r"^(tests/typing/\w+\.py):(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE)
    assert [(path, int(line), code) for path, line, code in errors] == _expected(), output


def _expected() -> list[tuple[str, int, str]]:
    return [
        (sample, number, match[1])
        for sample in SAMPLES
        for number, line in enumerate((ROOT / sample).read_text().splitlines(), 1)
        if (match := re.search(r"# expect: ([\w-]+)$", line))
    ]
