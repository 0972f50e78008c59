"""docs/api.md lists every error id that the code can give, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("retrieval_site", "search", "models_admin", "workers")
ID = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z0-9]+(?:_[a-z0-9]+)*")
ROW = re.compile(r"^\| `([a-z0-9_.]+)` \| (?:\d{3}|in a job|item) \|", re.M)
# Whose arguments are error ids; everything that is named …Error is, too.
GIVERS = {
    "AuthenticationFailed",
    "NotAuthenticated",
    "PermissionDenied",
    "Problem",
    "_failure",
    "_fixed",
    "job_fail",
    "rejected",
}


def ids_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ids_of_call(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            named_as_error = any(isinstance(name, ast.Name) and name.id == "INVALID" for name in node.targets)
            yield from texts([node.value]) if named_as_error else ()


def ids_of_call(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name == "not_found":
        yield from (f"{what.value}.not_found" for what in call.args if isinstance(what, ast.Constant))
    elif name in GIVERS or name.endswith("Error"):
        yield from texts([*call.args, *(keyword.value for keyword in call.keywords)])
    yield from texts([keyword.value for keyword in call.keywords if keyword.arg == "error_id"])


def texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ID.fullmatch(node.value):
            yield node.value


def ids_in_code() -> set[str]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {found for path in paths for found in ids_in(ast.parse(path.read_text()))}


def ids_in_docs() -> list[str]:
    return ROW.findall((ROOT / "docs" / "api.md").read_text())


def test_every_error_id_of_the_code_is_in_the_docs():
    assert len(ids_in_code()) > 100  # an empty walk would pass
    assert sorted(ids_in_code() - set(ids_in_docs())) == []


def test_every_error_id_of_the_docs_is_in_the_code():
    assert sorted(set(ids_in_docs()) - ids_in_code()) == []


def test_no_error_id_is_listed_twice():
    assert len(ids_in_docs()) == len(set(ids_in_docs()))
