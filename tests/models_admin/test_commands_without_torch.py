"""The commands that take models in and give them out run where torch is not installed, as in the lean environment."""

from __future__ import annotations

import subprocess
import sys

COMMANDS = ("upload_model", "download_model", "register_model")


def test_they_are_imported_without_torch() -> None:
    names = [f"models_admin.management.commands.{name}" for name in COMMANDS]
    lines = ["import importlib, sys", "sys.modules['torch'] = None", "import django", "django.setup()"]
    lines += [f"importlib.import_module({name!r})" for name in names]
    found = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-400:]
