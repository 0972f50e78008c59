"""A job's handle of the sandboxed process that reads documents' files: started at the first, anew after a failure."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from workers.extraction.child import ANSWER, FILE
from workers.extraction.output import OutputLimits
from workers.extraction.sheets import Sheet
from workers.extraction.types import Extracted
from workers.inference.errors import FileError
from workers.inference.isolation import sandbox_grant
from workers.inference.sandbox.errors import (
    SandboxDiedError,
    SandboxError,
    SandboxMemoryError,
    SandboxTimeoutError,
)
from workers.inference.sandbox.process import SandboxProcess, SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

log = logging.getLogger(__name__)
HANDLER = "workers.extraction.child:ExtractionHandler"
MIB = 1 << 20
ANSWER_BYTES_MAX = 256 * MIB
PATIENCE = 4.0
CALLS_MAX = 200
"""A process is replaced after as many files, so that one that was taken over does not see others' for long."""


@dataclass(frozen=True)
class ExtractionLimits:
    """What reading one file may cost; seconds are of processor time, and `PATIENCE` times as long is waited."""

    seconds: float = 300.0
    tables_seconds: float = 1200.0
    """Of a workbook whose rows are written out: a sheet may have a million."""
    memory_bytes: int = 1536 * MIB
    file_bytes: int = 1024 * MIB
    output: OutputLimits = field(default_factory=OutputLimits)


@dataclass(frozen=True)
class Found:
    """What a file holds, its kind, and the folder with what was taken out, which is emptied for the next file."""

    kind: str
    extracted: Extracted
    _folder: Path

    def data(self, name: str) -> bytes:
        """Return a figure, page or attachment by the name that `extracted` gives it.

        Raises FileError `file.crashed` for a name that no reader gives, and for what is no plain file.
        """
        with self._open(name) as file:
            return file.read()

    def take(self, name: str, target: Path) -> None:
        """Copy one to a file of one's own, which stays when the next file comes; raises FileError `file.crashed`."""
        with self._open(name) as file, target.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)

    def add(self, data: bytes) -> str:
        """Keep one more file beside what was taken out; return its name. Raises FileError `file.crashed`."""
        name = str(secrets.randbits(120))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._folder / name, flags, 0o600)
        except OSError as error:
            raise FileError("file.crashed/nonsense") from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return name

    def _open(self, name: str) -> IO[bytes]:
        if not (name.isascii() and name.isdigit()):
            raise FileError("file.crashed/nonsense")
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise FileError("file.crashed/nonsense") from error
        return os.fdopen(descriptor, "rb")


class Extractor:
    """Reads files in a sandboxed process of its own. It belongs to one thread."""

    def __init__(self, limits: ExtractionLimits | None = None) -> None:
        self.limits = limits or ExtractionLimits()
        self._root = Path(tempfile.mkdtemp(prefix="sightline-files-"))
        self._process: SandboxProcess | None = None
        self._folder: Path | None = None
        self._calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def reading(self, source: IO[bytes], name: str) -> Iterator[Found]:
        """Give what the file `source`, which is called `name`, holds; its figures can be had until the end.

        Raises FileError `file.*` where it cannot be read: damaged, encrypted, of no known format, too long, too large;
        or where it ended the process.
        """
        folder = self._prepared(source)
        try:
            yield self._found(folder, name)
        finally:
            _empty(folder)

    def take_tables(self, source: IO[bytes], name: str, target: Path) -> list[Sheet]:
        """Write the rows of a workbook's visible sheets into files of the folder `target`, as `sheet_rows` reads them.

        Raises FileError `file.*` as `reading` does; `file.unknown_format` for what is no workbook.
        """
        folder = self._prepared(source)
        try:
            head = self._asked("tables", name, self.limits.tables_seconds)
            sheets = [Sheet.of(values) for values in head["sheets"]]
            for sheet in sheets:
                Found("", Extracted(), folder).take(sheet.file, target / sheet.file)
        except (ValueError, TypeError, KeyError) as error:
            self._end()
            raise FileError("file.crashed/nonsense") from error
        finally:
            _empty(folder)
        return sheets

    def close(self) -> None:
        """End the process and remove its folder."""
        self._end()
        shutil.rmtree(self._root, ignore_errors=True)

    def _prepared(self, source: IO[bytes]) -> Path:
        folder = self._running()
        with (folder / FILE).open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            if target.tell() > self.limits.file_bytes:
                raise FileError("file.too_large", limit_mib=self.limits.file_bytes // MIB)
        sandbox_grant(folder, write=True)
        return folder

    def _found(self, folder: Path, name: str) -> Found:
        head = self._asked("extract", name, self.limits.seconds)
        try:
            return Found(str(head["kind"]), self._answer(folder), folder)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            self._end()
            log.exception("An extractor's answer makes no sense")
            raise FileError("file.crashed/nonsense") from error

    def _asked(self, what: str, name: str, seconds: float) -> dict[str, Any]:
        """Have the process do something with the file that stands in its folder; raises FileError `file.*`."""
        if self._process is None:  # asked again after a failure
            raise FileError("file.crashed", reason="gone")
        self._calls += 1
        asked = {"name": name[-200:], "limits": asdict(self.limits.output)}
        try:
            head, _ = self._process.call(what, asked, reply_bytes=0, timeout_seconds=seconds)
        except SandboxError as error:
            self._end()
            raise _failure(error, seconds) from error
        return head

    @staticmethod
    def _answer(folder: Path) -> Extracted:
        path = folder / ANSWER
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(ANSWER_BYTES_MAX + 1)
        if len(data) > ANSWER_BYTES_MAX:
            raise ValueError("the answer is too long")
        return Extracted.of(json.loads(data))

    def _running(self) -> Path:
        if self._calls >= CALLS_MAX:
            self._end()
        if self._process is None or not self._process.alive or self._folder is None:
            self._end()
            self._folder = Path(tempfile.mkdtemp(dir=self._root))
            self._process = SandboxProcess(_spec(self._folder, self.limits))
        return self._folder

    def _end(self) -> None:
        if self._process is not None:
            self._process.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._process, self._folder, self._calls = None, None, 0


def _empty(folder: Path) -> None:
    """Remove what lies in a folder; where the process ended, the folder is gone already."""
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(OSError):
                path.unlink()


def _spec(folder: Path, limits: ExtractionLimits) -> SandboxSpec:
    return SandboxSpec(
        HANDLER,
        {"folder": str(folder)},
        memory_bytes=limits.memory_bytes,
        threads=1,
        writable=(folder,),
        niceness=10,
        patience=PATIENCE,
    )


def _failure(error: SandboxError, seconds: float) -> FileError:
    if isinstance(error, SandboxTimeoutError):
        return FileError("file.timeout", limit_seconds=seconds)
    if isinstance(error, SandboxMemoryError):
        return FileError("file.memory")
    if isinstance(error, SandboxDiedError):
        return FileError("file.crashed", reason=error.reason)
    log.error("A file could not be read", exc_info=error)
    return FileError("file.crashed", reason="defect")
