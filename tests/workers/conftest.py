"""For every test of the workers: what a library does is not measured, nor done twice."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from torch.onnx._internal._lazy_import import onnxscript_apis

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True, scope="session")
def _exports_are_not_traced() -> Iterator[None]:
    """Coverage doubles the time of Python code, even of code that it does not measure: an export is little else."""
    plain = torch.onnx.export

    def export(*arguments, **options):
        with _untraced():
            return plain(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", export)
        # Each export would read the sources of five hundred translations anew: a third of its time.
        patch.setattr(onnxscript_apis, "get_torchlib_ops", functools.cache(onnxscript_apis.get_torchlib_ops))
        yield


@contextlib.contextmanager
def _untraced() -> Iterator[None]:
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)
