"""Habits that a reviewer forgets: migrations, production settings, and the size of functions and files."""

from __future__ import annotations

import ast
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("retrieval_site", "demo", "search", "models_admin", "workers")
FUNCTION_LINES_MEDIAN, FUNCTION_LINES_P90, FUNCTION_LINES_MAX = 8, 30, 60
FILE_LINES_MAX = 400
TEMPLATE_LINE_MAX = 140
PRODUCTION = {
    "DEBUG": "0",
    "HTTPS": "1",
    "TRUSTED_PROXIES": "1",
    "SITE_URL": "https://sightline.example",
    "ALLOWED_HOSTS": "sightline.example",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
}


def source_files() -> list[Path]:
    files = [
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
    ]
    assert len(files) > 50  # an empty walk would pass everything below
    return files


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def functions() -> dict[str, int]:
    found = {}
    for path in source_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = code_lines(node)
    return found


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_production_settings_pass_djangos_deployment_check() -> None:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **PRODUCTION}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_missing_secret_key_is_refused_with_a_hint() -> None:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "ERROR"]
    environment = {**os.environ, **PRODUCTION, "SECRET_KEY": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "sightline.E001" in done.stderr


def test_functions_stay_short() -> None:
    lengths = functions()
    too_long = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX}
    assert too_long == {}
    assert statistics.median(lengths.values()) <= FUNCTION_LINES_MEDIAN
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= FUNCTION_LINES_P90


def test_files_stay_readable() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in source_files()}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_a_line_of_a_template_fits_the_window() -> None:
    long = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if len(line) > TEMPLATE_LINE_MAX
    ]
    assert long == []
