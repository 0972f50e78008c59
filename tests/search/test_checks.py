"""What a boot check says of the database's server."""

from __future__ import annotations

import pytest

from search import checks


@pytest.mark.django_db
def test_a_missing_extension_is_named_before_a_migration_fails(monkeypatch):
    assert checks.extensions_are_there(None, databases=["default"]) == []
    monkeypatch.setattr(checks, "EXTENSIONS", ("unaccent", "not_there"))
    (found,) = checks.extensions_are_there(None, databases=["default"])
    assert "not_there" in found.msg
    assert checks.extensions_are_there(None) == []
