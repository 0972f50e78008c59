"""Settings from the environment."""

from __future__ import annotations

import os
import subprocess

import pytest
from django.core.exceptions import ImproperlyConfigured

from retrieval_site.config import BASE_DIR, read_config


def test_an_empty_data_folder_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "")
    assert read_config().data_dir == BASE_DIR / "var"


@pytest.mark.parametrize(("written", "days"), [("30", 30), ("0", 0), ("", 0), (None, 365)])
def test_days_are_a_number_and_nothing_is_for_ever(monkeypatch, written, days) -> None:
    monkeypatch.delenv("QUERY_KEEP_DAYS", raising=False)
    if written is not None:
        monkeypatch.setenv("QUERY_KEEP_DAYS", written)
    assert read_config().query_keep_days == days


@pytest.mark.parametrize("written", ["-1", "1.5", "a year"])
def test_what_is_no_number_of_days_is_refused(monkeypatch, written) -> None:
    monkeypatch.setenv("QUERY_KEEP_DAYS", written)
    with pytest.raises(ImproperlyConfigured, match="no number of days"):
        read_config()


def test_make_sets_no_variable_that_nobody_gave() -> None:
    names = ("PORT", "DATA_DIR", "HOST", "DEMO")
    given = {name: value for name, value in os.environ.items() if name not in names}
    shown = subprocess.run(
        ["make", "--eval", "show: ; @env", "show", "PORT=9000"],
        cwd=BASE_DIR, env=given, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert "PORT=9000" in shown
    assert not [line for line in shown if line.startswith(("DATA_DIR=", "HOST=", "DEMO="))]


@pytest.mark.parametrize(
    ("set_to", "said"),
    [
        ({"OIDC_ISSUER": "http://id.example"}, "https://"),
        ({"OIDC_ISSUER": "https://id.example"}, "OIDC_CLIENT_ID is needed"),
        ({"OIDC_ISSUER": "https://id.example/" + "x" * 200}, "200 characters"),
        ({"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "a", "OIDC_GROUP_MAP": "{"}, "no JSON"),
        (
            {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "a", "OIDC_GROUP_MAP": "[1]"},
            "no JSON object",
        ),
    ],
)
def test_a_provider_that_cannot_be_used_is_refused_at_once(monkeypatch, set_to, said) -> None:
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=said):
        read_config()


def test_a_provider_is_read_with_what_its_groups_are_here(monkeypatch) -> None:
    assert read_config().oidc is None
    monkeypatch.setenv("OIDC_ISSUER", "https://id.example/")
    monkeypatch.setenv("OIDC_CLIENT_ID", "sightline")
    monkeypatch.setenv("OIDC_GROUPS", "a, b")
    monkeypatch.setenv("OIDC_GROUP_MAP", '{"CN=a,DC=b": "Archive"}')
    oidc = read_config().oidc
    assert (oidc.issuer, oidc.groups, oidc.group_map) == (
        "https://id.example/",
        ["a", "b"],
        {"CN=a,DC=b": "Archive"},
    )
    assert (oidc.sign_up, oidc.match_email, oidc.second_factor) == (False, False, False)
