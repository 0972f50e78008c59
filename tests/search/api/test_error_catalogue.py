"""One table has every error: the code gives what stands there, and the docs and the schema are made from it."""

from __future__ import annotations

import ast
import pickle
import re
from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from retrieval_site.errors import AppError
from tests.search.api.conftest import operations_of
from workers.error_table import ERRORS, EVERYWHERE, GROUPS, PLACES, errors_of, id_of, sentence
from workers.error_table.catalogue import as_markdown
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("retrieval_site", "demo", "search", "models_admin", "workers")
ID = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z0-9]+(?:_[a-z0-9]+)*")
NAME = re.compile(ID.pattern + "(?:/[a-z_]+)?")
# Calls that make an error of the table from the name of its sentence, and the facts of the call.
MAKERS = {"AppError", "InferenceError", "PictureError", "TextError", "BundleError", "EncoderError"}
MAKERS |= {"EncoderDiedError", "EncoderSetAsideError", "problem", "rejected"}
# Calls whose arguments are error ids besides.
GIVERS = {"AuthenticationFailed", "NotAuthenticated", "PermissionDenied"}
GIVERS |= {"_as", "_put_off", "_quoted", "_refusal", "_refuse", "job_fail", "kind", "quoting", "sentence"}
QUOTED = {
    "parameter.invalid", "media_type.not_supported", "accept.not_supported", "method.not_allowed", "csrf.failed",
    "webhook.address_invalid",
}  # fmt: skip
"""Whose words are those of a parameter's own check, of REST framework, or of the check of addresses."""


TOO_OFTEN = "Signing in failed too often from here."


@pytest.fixture(scope="module", autouse=True)
def _code_is_let_go() -> Iterator[None]:
    """What is parsed once for all tests here is some million objects, which nobody else's collections go through."""
    yield
    calls_and_assignments.cache_clear()


@cache
def calls_and_assignments() -> tuple[ast.Call | ast.Assign, ...]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text())))
    return tuple(node for node in nodes if isinstance(node, ast.Call | ast.Assign))


def name_of(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def names_in(node: ast.Call | ast.Assign) -> Iterator[str]:
    yield from names_of_call(node) if isinstance(node, ast.Call) else names_of_assignment(node)


def names_of_call(call: ast.Call) -> Iterator[str]:
    name = name_of(call)
    if name in MAKERS | GIVERS or name.endswith("Error"):
        yield from texts([*call.args, *(keyword.value for keyword in call.keywords)])
    yield from texts([keyword.value for keyword in call.keywords if keyword.arg == "error_id"])


def names_of_assignment(node: ast.Assign) -> Iterator[str]:
    """Tables of ids by the names of fields."""
    names = [name.id for name in node.targets if isinstance(name, ast.Name)]
    if any(name == "error_ids" or name.endswith("_IDS") for name in names):
        for inner in ast.walk(node.value):
            if isinstance(inner, ast.Dict):
                yield from texts(inner.values)
            elif isinstance(inner, ast.Call):
                yield from texts(inner.args)


def texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        choices = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
        for choice in choices:
            if (
                isinstance(choice, ast.Constant)
                and isinstance(choice.value, str)
                and NAME.fullmatch(choice.value)
            ):
                yield choice.value


def names_in_code() -> set[str]:
    return {found for node in calls_and_assignments() for found in names_in(node)}


def makers() -> Iterator[tuple[str, ast.Call]]:
    """Every call that makes an error of the table by a name that stands there."""
    for call in (node for node in calls_and_assignments() if isinstance(node, ast.Call)):
        names = list(texts(call.args[:2]))
        if name_of(call) in MAKERS and names:
            yield names[0], call


def places_in(template: str) -> set[str]:
    fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    return {re.split(r"[.\[]", field)[0] for field in fields}


def variants() -> set[str]:
    return {f"{e}/{variant}" for e, kind in ERRORS.items() for variant in kind.sentences if variant}


def test_every_error_id_of_the_code_is_in_the_table():
    ids = {id_of(name) for name in names_in_code()}
    assert len(ids) > 100  # an empty walk would pass
    assert sorted(ids - set(ERRORS)) == []


def test_every_error_id_of_the_table_is_given_somewhere():
    assert sorted(set(ERRORS) - {id_of(name) for name in names_in_code()}) == []


def test_every_variant_is_in_the_table_and_given_somewhere():
    assert {name for name in names_in_code() if "/" in name} == variants()


def test_an_error_is_made_with_the_facts_that_its_sentence_names():
    found = list(makers())
    assert len(found) > 150
    for name, call in found:
        given = {keyword.arg for keyword in call.keywords}
        error_id, _, variant = name.partition("/")
        if None not in given:  # else `**facts`
            assert places_in(ERRORS[error_id].sentences[variant]) <= given, ast.unparse(call)


def test_neither_a_status_nor_a_sentence_stands_beside_an_id_in_the_code():
    wrong = [
        ast.unparse(call)
        for name, call in makers()
        if len(call.args) > (2 if name_of(call) == "rejected" else 1)
        or {"status", "detail", "message"} & {keyword.arg for keyword in call.keywords}
    ]
    assert wrong == []


def test_an_error_has_a_sentence_or_quotes_others():
    assert {error_id for error_id, kind in ERRORS.items() if not kind.sentences} == QUOTED
    for error_id, kind in ERRORS.items():
        for said in kind.sentences.values():
            assert re.match(r"[A-Z“{]", said), error_id
            assert said.endswith((".", "}", "{reason}")), error_id


def test_the_docs_list_the_table_and_nothing_else():
    page = (ROOT / "docs" / "api.md").read_text()
    assert page.endswith(as_markdown()), "Run `manage.py error_catalogue`."


def test_an_id_is_a_word_and_a_word():
    assert [error_id for error_id in ERRORS if not ID.fullmatch(error_id)] == []


def test_where_an_error_comes_from_is_an_operation_a_group_or_a_place(db):
    operations = operations_of(APIClient())
    assert {member for group in GROUPS.values() for member in group} <= set(operations)
    known = {*operations, *GROUPS, *PLACES}
    assert {source for kind in ERRORS.values() for source in kind.sources} <= known
    assert [error_id for error_id, kind in ERRORS.items() if not kind.sources] == []


def test_what_only_a_job_or_a_page_can_meet_is_in_no_operation():
    for error_id, kind in ERRORS.items():
        if isinstance(kind.place, str):
            assert set(kind.sources) <= {*PLACES} - {EVERYWHERE}, error_id


def test_the_schema_lists_what_each_operation_can_refuse(db):
    operations = operations_of(APIClient())
    assert len(operations) > 30
    for operation_id, described in operations.items():
        listed = {
            (found, int(status))
            for status, answer in described["responses"].items()
            for found in re.findall(r"`([^`]+)`", answer["description"])
            if int(status) >= 400 and found in ERRORS
        }
        assert listed == {(e, kind.status) for e, kind in errors_of(operation_id).items()}, operation_id


@pytest.mark.parametrize(
    ("name", "facts", "said"),
    [
        ("image.too_large", {"limit_bytes": 32 << 20}, "The picture has more than 32 MiB."),
        ("image.too_large", {"limit_bytes": 1_500_000}, "The picture has more than 1.5 MB."),
        ("image.too_large", {"limit_bytes": 1000}, "The picture has more than 1,000 bytes."),
        ("user.not_found", {"users": ["a", "{b}"]}, "There is no user a, {b}."),
        ("auth.too_many_failures", {"retry_after_seconds": 61}, f"{TOO_OFTEN} Try again in 2 minutes."),
        ("auth.too_many_failures", {"retry_after_seconds": 60}, f"{TOO_OFTEN} Try again in 60 s."),
    ],
)  # fmt: skip
def test_facts_stand_in_a_sentence_as_people_write_them(name: str, facts: dict[str, Any], said: str):
    assert sentence(name, facts) == said


def test_an_error_of_the_neural_packages_says_what_one_of_the_site_says():
    here, there = (
        AppError("image.too_large", limit_bytes=1000),
        PictureError("image.too_large", limit_bytes=1000),
    )
    travelled = pickle.loads(pickle.dumps(there))
    assert (here.id, here.message, here.detail) == (travelled.id, travelled.message, travelled.detail)
    assert type(travelled) is PictureError
    assert here.status == 413
