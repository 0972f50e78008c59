from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command

from retrieval_site.static_files import STAMP, collect_static

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_static(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "page.css").write_text("body { color: black }")
    settings.STATICFILES_DIRS = [tmp_path / "source"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"


def bootstrap(*words: str) -> str:
    out = io.StringIO()
    call_command("bootstrap", *words, stdout=out, verbosity=0)
    return out.getvalue()


def printed_password(text: str) -> str:
    found = re.search(r"password `([^`]+)`", text)
    assert found is not None
    return found[1]


def test_the_first_administrator_gets_a_random_password_that_is_printed_once() -> None:
    password = printed_password(bootstrap())
    assert len(password) >= 16
    assert authenticate(username="admin", password=password).is_superuser
    assert bootstrap() == ""
    assert authenticate(username="admin", password=password) is not None


def test_a_given_password_is_taken_and_a_note_replaces_printing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "chosen by the operator")
    assert bootstrap("--note", str(tmp_path / "note")) == ""
    assert (tmp_path / "note").read_text() == ""
    assert authenticate(username="admin", password="chosen by the operator") is not None


def test_a_reset_makes_a_new_password_and_wakes_a_disabled_administrator() -> None:
    first = printed_password(bootstrap())
    get_user_model().objects.filter(username="admin").update(is_active=False)
    second = printed_password(bootstrap("--reset-admin-password"))
    assert second != first
    assert authenticate(username="admin", password=first) is None
    assert authenticate(username="admin", password=second) is not None


def test_an_administrator_of_another_name_is_enough() -> None:
    get_user_model().objects.create_superuser("root")
    assert bootstrap() == ""
    assert not get_user_model().objects.filter(username="admin").exists()


def test_static_files_are_collected_only_when_one_changed(settings: Any, tmp_path: Path) -> None:
    root = settings.STATIC_ROOT
    assert collect_static(root) is True
    assert (root / STAMP).exists()
    assert collect_static(root) is False
    (tmp_path / "source" / "page.css").write_text("body { color: darkslategray }")
    assert collect_static(root) is True
    assert "darkslategray" in (root / "page.css").read_text()


def test_it_is_bytes_that_change_a_static_file_and_not_its_time_which_an_image_rounds(
    settings: Any, tmp_path: Path
) -> None:
    page = tmp_path / "source" / "page.css"
    assert collect_static(settings.STATIC_ROOT) is True
    os.utime(page, (0, 0))
    assert collect_static(settings.STATIC_ROOT) is False
    page.write_text("body { color: white }")
    os.utime(page, (0, 0))
    assert collect_static(settings.STATIC_ROOT) is True


def test_what_an_image_has_collected_needs_no_folder_that_can_be_written(settings: Any) -> None:
    call_command("bootstrap", "--static-only")
    assert (settings.STATIC_ROOT / "page.css").exists()
    assert not get_user_model().objects.filter(username="admin").exists()
    for path in (settings.STATIC_ROOT, *settings.STATIC_ROOT.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = settings.STATIC_ROOT.stat().st_mtime_ns
    bootstrap()
    assert settings.STATIC_ROOT.stat().st_mtime_ns == before
    settings.STATIC_ROOT.chmod(0o755)
