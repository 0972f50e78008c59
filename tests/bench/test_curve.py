"""The benchmark of search time over the number of stored vectors, at a size of seconds."""

import numpy as np
import pytest
from PIL import Image

from bench.asking import Compared
from bench.curve import COLUMNS, measured, plot, table


@pytest.mark.django_db(transaction=True)
def test_the_curve_asks_every_size_and_finds_what_a_scan_finds(tmp_path):
    found = {count: measured(count, 8, "hnsw", 3) for count in (20, 40)}
    assert all((compared.shares == 1).all() for compared in found.values())
    assert all(0 < compared.planned_ms <= compared.p95_ms for compared in found.values())

    head, rule, *rows = table(found)
    assert head == f"| {' | '.join(COLUMNS)} |"
    assert rule.count("---") == len(COLUMNS)
    # So few vectors are scanned, whatever index there is.
    assert [row.split(" | ")[:3] for row in rows] == [["| 20", "exact", "1.000"], ["| 40", "exact", "1.000"]]

    searches, scans = ([getattr(c, name) for c in found.values()] for name in ("planned_ms", "scan_ms"))
    plot(list(found), searches, scans, tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as drawn:
        assert min(drawn.size) > 300


def test_the_papers_figures_stand_beside_their_sizes():
    compared = Compared(np.ones(2), planned_ms=1.0, p95_ms=2.0, scan_ms=3.0, plans="exact")
    _, _, small, other, large = table(dict.fromkeys((10_000, 20_000, 70_000), compared))
    assert small == "| 10,000 | exact | 1.000 | 1.0 | 2.0 | 3.0 | < 1 |"
    assert (other.endswith("|  |"), large.endswith("| ~ 20 |")) == (True, True)
