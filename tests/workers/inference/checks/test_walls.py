"""What nobody vouches for is not opened where the process that opens it cannot be locked in."""

from dataclasses import fields, replace

import pytest

from tests.support.tiny_bundle import make_tiny_bundle
from tests.workers.inference.checks.conftest import TIGHT
from workers.inference.isolation import Isolation

OPEN = Isolation(**{wall.name: False for wall in fields(Isolation)})


@pytest.mark.parametrize("missing", [{"processes"}, {"ipc"}, {"network", "calls"}, {"user", "files"}])
def test_a_bundle_is_not_even_unpacked_where_a_wall_is_missing(tmp_path, refusal, missing):
    walls = replace(TIGHT, **dict.fromkeys(missing, False))
    error = refusal(make_tiny_bundle(tmp_path / "tiny.zip"), walls=walls)
    assert (error.id, error.detail["is_tight"]) == ("bundle.not_isolated", False)


def test_onnx_graphs_are_run_without_walls_where_the_operator_says_so(tmp_path, carry_out):
    result = carry_out(make_tiny_bundle(tmp_path / "tiny.zip"), walls=OPEN, allow_unwalled=True)
    assert result["isolation"]["is_tight"] is False


def test_a_pickle_is_not_opened_without_walls_whatever_the_operator_says(tmp_path, refusal):
    path = make_tiny_bundle(tmp_path / "tiny.zip")
    assert refusal(path, "convert", walls=OPEN, allow_unwalled=True).id == "bundle.pickle_not_isolated"
