"""What the docs say of costs is what the command prints of today's chart and prices."""

from __future__ import annotations

import tomllib
from pathlib import Path

from bench.costs import CHART, DEPLOY, Size, needs_of, table

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_the_docs_is_todays() -> None:
    lines = table(tomllib.loads((DEPLOY / "prices.toml").read_text())["provider"])
    assert len(lines) == 5
    assert "\n".join(lines) in (ROOT / "docs" / "kubernetes.md").read_text()


def test_costs_follow_from_requests_machines_and_disks() -> None:
    """Ten million vectors: 8 processors of PostgreSQL and 3 × 1 + 3 × 2 + 2 × 2 of pods are 21 of 3.6 a machine."""
    assert (CHART / "values-large.yaml").exists()
    needs = needs_of(Size("large", "", 10_000_000, 8))
    assert (needs.machines, needs.disk_gb) == (6, 2_100)
    lines = table(
        [
            {
                "name": "A",
                "machine": "b",
                "currency": "¤",
                "balancer_month": 1,
                "volume_gb_month": 2,
                "machine_month": 5,
            }
        ]
    )
    assert lines[2].endswith(" | 21 GB | ¤48 |")


def test_every_price_says_where_and_when_it_was_seen() -> None:
    for provider in tomllib.loads((DEPLOY / "prices.toml").read_text())["provider"]:
        assert provider["source"]
        assert provider["seen"] >= "2026-11-30"
