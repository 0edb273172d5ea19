"""The scripts that draw pages of the documentation."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parent.parent / "docs"


def check_freshness(name: str) -> None:
    """Fails where the pages of a script are not what it draws now."""
    command = [sys.executable, str(DOCS / f"{name}.py"), "--check"]
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr


@cache
def load_script(name: str) -> ModuleType:
    """A script as a module; it finds its neighbours as it does when it is run."""
    if str(DOCS) not in sys.path:
        sys.path.append(str(DOCS))
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module
