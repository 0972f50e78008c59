"""Run the child's work in this process: the same checks, without locking pytest in."""

import os
from dataclasses import asdict

import pytest

from workers.inference.bundles import BundleLimits
from workers.inference.errors import BundleError
from workers.inference.isolation import Isolation
from workers.inference.validation_tasks import TASKS

TIGHT = Isolation(network=True, user=True, files=True, calls=True, processes=True, ipc=True)


@pytest.fixture
def carry_out(tmp_path):
    """Return a function that does one of the child's tasks on a bundle and returns its result."""

    def run(path, task="validate", walls=TIGHT, allow_unwalled=False):
        scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
        scratch.mkdir()
        with path.open("rb") as source:
            order = {"bundle_fd": os.dup(source.fileno()), "scratch": str(scratch), "threads": 2}
            order["allow_unwalled"] = allow_unwalled
        try:
            return TASKS[task](order | {"limits": asdict(BundleLimits())}, walls, lambda stage: None)
        finally:
            os.close(order["bundle_fd"])

    return run


@pytest.fixture
def refusal(carry_out):
    """Return a function that gives the error for which a bundle is refused."""

    def run(path, *args, **options):
        with pytest.raises(BundleError) as caught:
            carry_out(path, *args, **options)
        assert caught.value.message.endswith(".")
        return caught.value

    return run
