"""One table has every error id: what the code gives, what the docs list, and the status of each are the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval_site.error_table import ERRORS, as_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("retrieval_site", "demo", "search", "models_admin", "workers")
ID = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z0-9]+(?:_[a-z0-9]+)*")
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
STATUS_OF_GIVER = {"AuthenticationFailed": 401, "NotAuthenticated": 401, "PermissionDenied": 403}


def ids_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ids_of_call(node)
        elif isinstance(node, ast.Assign):
            yield from ids_of_assignment(node)


def ids_of_call(call: ast.Call) -> Iterator[str]:
    name = name_of(call)
    if name == "not_found":
        yield from (f"{what.value}.not_found" for what in call.args if isinstance(what, ast.Constant))
    elif name in GIVERS or name.endswith("Error"):
        yield from texts([*call.args, *(keyword.value for keyword in call.keywords)])
    yield from texts([keyword.value for keyword in call.keywords if keyword.arg == "error_id"])


def ids_of_assignment(node: ast.Assign) -> Iterator[str]:
    """Constants that are named as errors, and tables of ids by the names of fields."""
    names = [name.id for name in node.targets if isinstance(name, ast.Name)]
    if "INVALID" in names:
        yield from texts([node.value])
    elif any(name == "error_ids" or name.endswith("_IDS") for name in names):
        for inner in ast.walk(node.value):
            if isinstance(inner, ast.Dict):
                yield from texts(inner.values)
            elif isinstance(inner, ast.Call):
                yield from texts(inner.args)


def name_of(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ID.fullmatch(node.value):
            yield node.value


def trees() -> list[ast.AST]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [ast.parse(path.read_text()) for path in paths]


def ids_in_code() -> set[str]:
    return {found for tree in trees() for found in ids_in(tree)}


def statuses_in_code() -> Iterator[tuple[str, int]]:
    """Every id that the code gives together with a status."""
    for call in (node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call)):
        numbers = [keyword.value for keyword in call.keywords if keyword.arg == "status"] + call.args[1:2]
        given = [n.value for n in numbers if isinstance(n, ast.Constant) and isinstance(n.value, int)]
        status = (given or [STATUS_OF_GIVER.get(name_of(call))])[0]
        if status is not None:
            yield from ((error_id, status) for error_id in ids_of_call(call))


def test_every_error_id_of_the_code_is_in_the_table():
    assert len(ids_in_code()) > 100  # an empty walk would pass
    assert sorted(ids_in_code() - set(ERRORS)) == []


def test_every_error_id_of_the_table_is_given_somewhere():
    assert sorted(set(ERRORS) - ids_in_code()) == []


def test_a_status_that_the_code_names_is_that_of_the_table():
    found = list(statuses_in_code())
    assert len(found) > 50
    assert [pair for pair in found if ERRORS[pair[0]].place not in (pair[1], "in a job")] == []


def test_the_docs_list_the_table_and_nothing_else():
    page = (ROOT / "docs" / "api.md").read_text()
    assert page.endswith(as_markdown()), "Run `manage.py error_catalogue`."


def test_an_id_is_a_word_and_a_word_and_says_what_it_means():
    assert [error_id for error_id in ERRORS if not ID.fullmatch(error_id)] == []
    unsaid = {e for e, kind in ERRORS.items() if not kind.meaning and not e.endswith(".not_found")}
    assert {e for e in unsaid if isinstance(ERRORS[e].place, int)} <= {
        "document.external_id_missing",
        "document.too_many_images",
        "version.already_active",
        "version.nothing_to_roll_back",
        "bundle.not_a_zip",
        "bundle.damaged",
        "bundle.manifest_missing",
    }
