"""Thousands of inputs that nobody would send in good faith: each is taken, or refused with an id that is documented.

How many, and from which seed, `python -m tests.hostile.fuzz` says by the environment; here it is a short run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models_admin.models import ModelVersion
from tests.hostile.fuzzing.api import REQUESTS, WORLD
from tests.hostile.fuzzing.bundles import BUNDLES
from tests.hostile.fuzzing.decoding import DECODER
from tests.hostile.fuzzing.imports import IMPORT_FILES, IMPORT_JOBS, IMPORT_ZIPS
from tests.hostile.fuzzing.leftovers import own_temporary_folder, temporary_files
from tests.hostile.fuzzing.manifests import MANIFESTS
from tests.hostile.fuzzing.pictures import PICTURES
from tests.hostile.fuzzing.running import fuzz, save
from tests.hostile.fuzzing.seeds import seed
from tests.hostile.fuzzing.world import make_world
from workers.encoding.client import encode_picture
from workers.encoding.decoders import DECODERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hostile.fuzzing.kinds import Kind

SHARES = {
    MANIFESTS.name: 0.15,
    BUNDLES.name: 0.1,
    IMPORT_FILES.name: 0.2,
    IMPORT_ZIPS.name: 0.1,
    IMPORT_JOBS.name: 0.03,
    PICTURES.name: 0.27,
    REQUESTS.name: 0.15,
}
"""Of all inputs of a run; what is fast gets more."""

pytestmark = pytest.mark.slow

INPUTS = int(os.environ.get("FUZZ_INPUTS", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
REPORT = os.environ.get("FUZZ_REPORT")


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    tmp_path_factory.getbasetemp()  # where it is before the folder changes
    with own_temporary_folder() as folder:
        yield
        DECODERS.close()
        assert list(folder.iterdir()) == []


def assert_all_refused_or_taken(kind: Kind) -> None:
    count = max(1, round(INPUTS * SHARES[kind.name]))
    tally = fuzz(kind, count, SEED)
    if REPORT:
        save(tally, Path(REPORT))
    assert tally.problems == {}, {problem: tally.examples[problem] for problem in tally.problems}
    assert tally.inputs >= count
    assert tally.accepted > 0  # an input is a valid one with something changed, not noise
    assert sum(tally.ids.values()) > 0


@pytest.mark.parametrize(
    "kind", [MANIFESTS, BUNDLES, IMPORT_FILES, IMPORT_ZIPS], ids=lambda kind: kind.name.replace(" ", "-")
)
def test_a_file_is_read_or_refused_with_a_documented_id_and_nothing_is_left(kind: Kind):
    assert_all_refused_or_taken(kind)
    assert temporary_files() == set()


def test_a_picture_is_decoded_or_refused_and_ends_no_process():
    try:
        assert_all_refused_or_taken(PICTURES)
    finally:
        DECODER.stop()


@pytest.mark.django_db(transaction=True)
def test_an_import_job_ends_well_or_with_a_documented_id(clean_redis):
    assert_all_refused_or_taken(IMPORT_JOBS)


@pytest.mark.django_db(transaction=True)
def test_a_request_is_answered_or_refused_in_the_one_shape_and_leaves_nothing(
    tmp_path, clean_redis, query_worker
):
    WORLD.append(make_world(tmp_path))
    encode_picture(ModelVersion.objects.get(), seed("jpeg"))  # the first one waits for processes to start
    try:
        assert_all_refused_or_taken(REQUESTS)
    finally:
        WORLD.pop()
