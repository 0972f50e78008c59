"""A file that ends the process that reads it is one file's failure, and the next file is read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from workers.extraction.extractor import ExtractionLimits, Extractor
from workers.inference.errors import FileError
from workers.inference.sandbox.process import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def extractor() -> Iterator[Extractor]:
    """A handle of a process of the test's own, which gives no file more than two seconds."""
    with Extractor(ExtractionLimits(seconds=2.0)) as made:
        yield made


def read(extractor: Extractor, text: str) -> str:
    with extractor.reading(io.BytesIO(text.encode()), "a.txt") as found:
        return found.extracted.blocks[0].text


def test_a_file_during_which_the_process_is_killed_fails_and_the_next_is_read(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(extractor, "before") == "before"

    with monkeypatch.context() as patch:
        patch.setattr(SandboxProcess, "call", _kill_and_call(SandboxProcess.call))
        with pytest.raises(FileError) as caught:
            read(extractor, "meanwhile")

    assert caught.value.id == "file.crashed"
    assert read(extractor, "after") == "after"


def _kill_and_call(call: Callable[..., Any]) -> Callable[..., Any]:
    def killed(self: SandboxProcess, *args: Any, **options: Any) -> Any:
        psutil.Process(self.pid).kill()
        return call(self, *args, **options)

    return killed
