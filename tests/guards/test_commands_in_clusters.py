"""The commands that the page on containers and the chart give to people are ones that `manage.py` takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parents[2]
PLACES = (ROOT / "docs" / "kubernetes.md", ROOT / "deploy" / "helm" / "sightline" / "templates" / "NOTES.txt")


def said() -> set[str]:
    """Return what stands behind `python manage.py` in both, without the comments of shells and what `…` leaves open."""
    text = "\n".join(place.read_text() for place in PLACES)
    found = re.findall(r"python manage\.py ([^`\n#]+)", text)
    return {re.split(r"\s{3,}", command)[0].strip() for command in found if "…" not in command}


def test_the_story_is_told_by_these() -> None:
    first_words = {command.split()[0] for command in said()}
    assert first_words >= {"demo", "backup", "restore", "migrate"}


@pytest.mark.parametrize("command", sorted(said()))
def test_manage_py_takes_the_command_with_its_options(command: str) -> None:
    name, *words = shlex.split(command)
    loaded = load_command_class(get_commands()[name], name)
    loaded.create_parser("manage.py", name).parse_args(words)
