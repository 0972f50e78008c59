"""What holds for every kind of unit, whoever adds it."""

from __future__ import annotations

import re

import pytest

from search.models import Document, Query
from search.units.registry import unit_kind, unit_kind_of, unit_kinds


@pytest.mark.parametrize("kind", unit_kinds(), ids=lambda kind: kind.name)
def test_a_kind_is_found_by_its_name_and_its_target(kind):
    assert unit_kind(kind.name) is unit_kind_of(kind.target) is kind


@pytest.mark.parametrize("kind", unit_kinds(), ids=lambda kind: kind.name)
def test_a_kinds_names_fit_into_tables_and_kept_searches(kind):
    assert re.fullmatch("[a-z]+", kind.name)
    assert len(kind.target) <= Query._meta.get_field("target").max_length
    assert kind.model._meta.get_field("document").related_model is Document
