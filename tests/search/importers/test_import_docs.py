"""docs/import.md names every warning that the code can give, and the templates that it links can be imported."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from search.importers.tables import read_csv
from search.importers.types import EXTRA_COLUMNS, FORMATS, Reading
from search.services.document_fields import LENGTHS_MAX
from tests.search.importers.reading import documents, problems, read

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "import.md").read_text()


def warning_ids() -> set[str]:
    paths = (ROOT / "search" / "importers").glob("*.py")
    calls = [
        node for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    ]
    calls = [call for call in calls if getattr(call.func, "id", "") == "FileWarning"]
    return {call.args[0].value for call in calls}


def test_the_page_lists_every_warning_of_the_code_and_no_other():
    section = PAGE.partition("## What the job says")[2].partition("## Limits")[0]
    assert set(re.findall(r"^\| `(import\.\w+)` \|", section, re.M)) == warning_ids()
    assert len(warning_ids()) >= 6


def test_the_page_names_every_format_option_and_length():
    assert all(f"`{name}`" in PAGE for name in (*(set(FORMATS) - {"folder"}), *EXTRA_COLUMNS))
    lengths = PAGE.partition("## Limits")[2]
    assert all(f"{limit:,}" in lengths for limit in LENGTHS_MAX.values() if limit != LENGTHS_MAX["alt"])


@pytest.mark.parametrize("name", ["template.csv", "template.jsonl"])
def test_a_template_is_served_and_can_be_imported_as_it_is(tmp_path, name):
    path = finders.find(f"import/{name}")
    assert path is not None
    items, warnings = read(tmp_path / name, Path(path).read_bytes())
    assert (problems(items), warnings) == ([], [])
    pump, valve = documents(items)
    assert (pump.external_id, pump.fields.tags, len(pump.pictures)) == ("p-1", ("pump", "leak"), 0)
    assert '"5 inch"' in valve.fields.body


def test_the_table_of_the_page_can_be_imported(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(PAGE.partition("```\n")[2].partition("```")[0])
    with path.open("rb") as file:
        (item,) = read_csv(file, Reading())
    assert item.fields.metadata == {"kind": "pump"}
