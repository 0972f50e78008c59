"""A name says one thing: no two classes or checks are called the same, and an import of errors says whose they are."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("retrieval_site", "demo", "search", "models_admin", "workers")
CALLED_SO_BY_DJANGO = {"Command", "Migration"}


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(found) > 100  # an empty walk would pass
    return found


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for path in sources():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name not in CALLED_SO_BY_DJANGO:
                places[node.name].add(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_no_two_checks_have_one_id() -> None:
    ids = [one for path in sources() for one in re.findall(r'id="(sightline\.[EW]\d+)"', path.read_text())]
    assert len(ids) > 10
    assert {one for one in ids if ids.count(one) > 1} == set()


def test_an_import_of_errors_names_their_package() -> None:
    """Seven files are called errors.py: `from workers.inference.errors import …`, never `from .errors import …`."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                bare = {alias.name for alias in node.names if alias.name == "errors" and alias.asname is None}
                assert not bare, path
