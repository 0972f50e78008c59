"""What was measured, as people read it."""

from __future__ import annotations

from models_admin.measured import Group, measured_groups


def test_nested_numbers_become_short_lists_under_the_way_there():
    report = {
        "converted": False,
        "notes": ["One.", "Two."],
        "probes": {"image_side": {"mean_cosine": 0.27982825211201107, "probes": 8}, "precision": None},
    }
    assert list(measured_groups(report)) == [
        Group("", [("converted", "no"), ("notes", "One.; Two.")]),
        Group("probes", [("precision", "–")]),
        Group("probes · image side", [("mean cosine", "0.2798"), ("probes", "8")]),
    ]


def test_nothing_measured_is_no_group():
    assert list(measured_groups({})) == []
    assert list(measured_groups({"validation": {}})) == []


def test_small_numbers_keep_their_size():
    assert list(measured_groups({"error": 5.960464e-08})) == [Group("", [("error", "5.96e-08")])]
