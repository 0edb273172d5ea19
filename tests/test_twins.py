"""The blocking and the asyncio client are one text: what differs is ``await`` and a handful of names."""

from __future__ import annotations

import ast
from pathlib import Path

import dlms_fw.async_client
import dlms_fw.async_readings
import dlms_fw.async_services
import dlms_fw.async_upgrades
import dlms_fw.client
import dlms_fw.readings
import dlms_fw.services
import dlms_fw.upgrades

NAMES = {
    "AsyncClient": "Client",
    "AsyncIterator": "Iterator",
    "AsyncReadings": "Readings",
    "AsyncServices": "Services",
    "AsyncUpgrades": "Upgrades",
    "AsyncTransport": "Transport",
    "AsyncTransportFactory": "TransportFactory",
    "AsyncOpener": "Opener",
    "open_async": "open",
    "converse_async": "converse",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
}


class Blocking(ast.NodeTransformer):
    """Takes the waiting out of a syntax tree."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        fields = {name: getattr(node, name) for name in node._fields}
        return ast.FunctionDef(**{**fields, "name": NAMES.get(node.name, node.name)})

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        self.generic_visit(node)
        return ast.With(items=node.items, body=node.body)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(NAMES.get(node.id, node.id), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        node.attr = NAMES.get(node.attr, node.attr)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.name = NAMES.get(node.name, node.name)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            return ast.Constant(node.value.replace("AsyncClient", "Client"))
        return node


def body(module: object) -> str:
    """The module without its docstring, its imports and the default of ``sleep``, as a text to compare."""
    tree = ast.parse(Path(str(vars(module)["__file__"])).read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom)]
    text = ast.unparse(ast.fix_missing_locations(Blocking().visit(tree)))
    text = text.replace(
        "Callable[[float], Awaitable[object]]=asyncio.sleep", "Callable[[float], object]=time.sleep"
    )
    text = text.replace(
        "Callable[[float], Awaitable[object]] = asyncio.sleep", "Callable[[float], object] = time.sleep"
    )
    return text.replace("Callable[[float], Awaitable[object]]", "Callable[[float], object]")


def test_the_clients_are_twins() -> None:
    assert body(dlms_fw.async_services).splitlines() == body(dlms_fw.services).splitlines()
    assert body(dlms_fw.async_readings).splitlines() == body(dlms_fw.readings).splitlines()
    assert body(dlms_fw.async_upgrades).splitlines() == body(dlms_fw.upgrades).splitlines()
    assert body(dlms_fw.async_client).splitlines() == body(dlms_fw.client).splitlines()
