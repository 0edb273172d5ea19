"""The floors of the house: who may import whom, in both languages.

A module may import modules on lower floors, and its neighbours on its own; never upward, never in a
circle.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "python" / "dlms_fw"
CORE = ROOT / "rust" / "core" / "src"

#: The floor of each module or package directly below ``dlms_fw``, from the ground.
FLOORS: dict[str, int] = {
    "_core": 1,
    "enums": 1,
    "errors": 1,
    "axdr": 2,
    "certificate_authority": 2,
    "certificates": 2,
    "containers": 2,
    "elliptic_keys": 2,
    "endpoint": 2,
    "events": 2,
    "image": 2,
    "image_octets": 2,
    "journal": 2,
    "json_values": 2,
    "deferred_journal": 2,
    "journal_tables": 2,
    "leases": 2,
    "logical_name": 2,
    "memory_journal": 2,
    "logical_name_pattern": 2,
    "obis_names": 2,
    "regular_file": 2,
    "secret_references": 2,
    "security": 2,
    "signing_keys": 2,
    "toml_files": 2,
    "transports": 2,
    "units": 2,
    "cosem": 3,
    "hls": 3,
    "profile_files": 3,
    "profiles": 3,
    "session": 4,
    "transfer": 4,
    "confirmed_service_errors": 2,
    "capture_text": 2,
    "notifications": 4,
    "decode": 5,
    "decode_node": 2,
    "decode_words": 4,
    "decoding_keys": 6,
    "async_client": 5,
    "async_readings": 5,
    "async_services": 5,
    "client": 5,
    "upgrades": 5,
    "async_upgrades": 5,
    "driver": 5,
    "key_management": 6,
    "ledger": 5,
    "listed": 5,
    "reading": 5,
    "readings": 5,
    "record": 5,
    "recorder": 6,
    "services": 5,
    "meter": 5,
    "multicast": 6,
    "push": 5,
    "fleet": 6,
    "bench": 6,
    "simulation": 6,
    "meter_factory": 6,
    "pytest_plugin": 7,
    "conformance": 6,
    "cli": 7,
}

#: Only these touch sockets, event loops and clocks.
DRIVERS = {
    "bench",
    "transports",
    "client",
    "async_client",
    "driver",
    "journal",
    "leases",
    "meter",
    "multicast",
    "push",
    "fleet",
    "conformance",
    "cli",
}


def modules() -> list[Path]:
    return sorted(
        path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE
    )


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> set[str]:
    """Absolute names of all modules that a file imports anywhere, type checking included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found.add(module)
            if module == "dlms_fw":
                found.update(f"dlms_fw.{alias.name}" for alias in node.names)
    return found


def ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("dlms_fw.")}


def test_no_module_imports_upward() -> None:
    for path in modules():
        own = place(path)
        if own == "__main__":
            continue
        assert own in FLOORS, f"{own} has no floor yet"
        for name in ours(path) - {own}:
            assert FLOORS[name] <= FLOORS[own], f"{path.relative_to(PACKAGE)} imports {name} from above"


def test_only_drivers_touch_the_world() -> None:
    forbidden = {"socket", "asyncio", "time", "selectors", "ssl"}
    for path in modules():
        if place(path) not in DRIVERS:
            assert not imports(path) & forbidden, path


def test_nobody_imports_the_face_of_the_package() -> None:
    rooms = {place(path) for path in modules()} | {"_core"}
    for path in modules():
        assert ours(path) <= rooms, f"{path} imports a name of dlms_fw itself"


def test_there_is_no_circle_between_places() -> None:
    edges: dict[str, set[str]] = {}
    for path in modules():
        edges.setdefault(place(path), set()).update(ours(path) - {place(path)})
    seen: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name in seen:
            return
        for other in sorted(edges.get(name, ())):
            visit(other, (*way, name))
        seen.add(name)

    for name in sorted(edges):
        visit(name, ())


#: The floors of the Rust core, by module.
CORE_FLOORS: dict[str, int] = {
    "error": 1,
    "codec": 2,
    "axdr": 3,
    "ber": 3,
    "hdlc": 3,
    "gateway": 3,
    "wrapper": 3,
    "acse": 4,
    "xdlms": 4,
    "security": 4,
    "image": 4,
    "apdu": 5,
    "annotate": 6,
    "channel": 6,
}


def core_modules() -> list[Path]:
    return sorted(path for path in CORE.rglob("*.rs") if path.name != "lib.rs")


def test_no_core_module_looks_upward() -> None:
    for path in core_modules():
        own = path.relative_to(CORE).parts[0].removesuffix(".rs")
        text = path.read_text().split("#[cfg(test)]")[0]
        for name in set(re.findall(r"crate::(\w+)", text)) - {own, "wire_enum"}:
            assert CORE_FLOORS[name] <= CORE_FLOORS[own], f"{own} uses {name} from above"


def test_one_file_names_a_crypto_crate() -> None:
    naming = {str(path.relative_to(CORE)) for path in core_modules() if "polyval::" in path.read_text()}
    assert naming == {"security/gcm.rs"}


def test_hdlc_does_not_know_what_it_carries() -> None:
    for path in (CORE / "hdlc").rglob("*.rs"):
        assert not re.search(r"crate::(xdlms|acse|apdu|security|channel)", path.read_text()), path


def test_the_core_is_free_of_unsafe_code_and_of_python() -> None:
    assert "#![forbid(unsafe_code)]" in (CORE / "lib.rs").read_text()
    assert "pyo3" not in (ROOT / "rust" / "core" / "Cargo.toml").read_text()


#: What the base install brings besides the standard library, and what an extra adds, by who may use it.
DECLARED = {"dlms_fw", "construct", "cryptography"}
EXTRAS = {
    "bench": {"uvloop"},
    "cli": {"click", "rich"},
    "pytest_plugin": {"pytest"},
    "transports": {"serialx"},
}


def test_only_declared_packages_are_imported() -> None:
    for path in modules():
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
        found: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
        allowed = DECLARED | EXTRAS.get(place(path), set())
        assert found - allowed - set(sys.stdlib_module_names) == set(), path
