"""An encoder whose networks run in a sandboxed child: this process holds no uploaded graph.

A child that dies takes with it what it was encoding, and another is started at once. Vectors are checked here again,
since an uploaded graph may have taken over the child that checked them first.
"""

from __future__ import annotations

import json
import math
import shutil
import threading
from dataclasses import dataclass
from itertools import zip_longest
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.bundles import read_manifest
from workers.inference.encoder import cells_of, load_encoder, wants_cuda
from workers.inference.errors import (
    EncoderDiedError,
    EncoderDiedLoadingError,
    EncoderError,
    EncoderMemoryError,
    EncoderNotStartedError,
    EncoderSetAsideError,
)
from workers.inference.isolation import sandbox_grant, sandbox_user
from workers.inference.pictures import to_pixels
from workers.inference.sandbox.encoding import PLACE
from workers.inference.sandbox.errors import (
    SandboxDiedError,
    SandboxError,
    SandboxGoneError,
    SandboxMemoryError,
    SandboxTimeoutError,
)
from workers.inference.sandbox.process import SandboxProcess, SandboxSpec
from workers.inference.words import UnknownWords, as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image
    from typing_extensions import Buffer

    from workers.inference.encoder import Encoder
    from workers.inference.manifest import Manifest

    Floats = NDArray[np.float32]

LENGTH_TOLERANCE = 1e-3
_LOADING_BYTES = 6 << 30
"""What reading and compiling a bundle may take: as much as its validation was given."""
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class EncoderOptions:
    """Where and with what an encoder runs.

    `memory_bytes` is what encoding may take beyond the loaded model, `call_seconds` how long one batch may take before
    its process is ended.
    """

    device: str = "auto"
    cache: Path | None = None
    threads: int | None = None
    memory_bytes: int = 4 << 30
    call_seconds: float = 120.0


def open_encoder(folder: Path, options: EncoderOptions, died: Callable[[str], bool]) -> Encoder:
    """Return the encoder of the bundle extracted in `folder`, loaded and warmed up.

    On CPU its networks run in a sandboxed child. On CUDA they run in this process: there a bundle's native payload is
    used, whose architecture is Sightline's own code and whose weights are plain numbers. `died` is called with the
    reason whenever one single input ended the child, and returns whether the model is set aside now. Raises
    EncoderError or BundleError where it cannot be loaded.
    """
    if wants_cuda(read_manifest(folder), options.device):
        return load_encoder(folder, device="cuda", cache=options.cache, threads=options.threads)
    return RemoteEncoder(folder, options, died)


class RemoteEncoder:
    """An `Encoder` on CPU. Safe to share between threads; `close` ends its process."""

    device = "cpu"

    def __init__(self, folder: Path, options: EncoderOptions, died: Callable[[str], bool]) -> None:
        self.manifest: Manifest = read_manifest(folder)
        self._options = options
        self._died = died
        self._spec = _spec(folder, options)
        self._lock = threading.Lock()
        self._closed = False
        self._process = self._started()
        self.precision = str(self._process.hello["precision"])
        self._image_batch = min(max(int(self._process.hello["image_batch"]), 1), 256)

    @property
    def dim(self) -> int:
        """The number of dimensions of every vector."""
        return self.manifest.dim

    @property
    def pid(self) -> int:
        """The process id of the child that runs the networks now."""
        return self._process.pid

    @property
    def walls(self) -> dict[str, bool]:
        """Which walls stand around that child; see `isolation.Isolation`."""
        return self._process.walls

    def encode_pixels(self, pixels: Floats) -> Floats:
        """See `Encoder`. Raises EncoderDiedError where the child died."""
        if self.manifest.image is None:
            raise EncoderError("encoder.no_image")
        size = self._image_batch
        return self._joined([self._pixels(pixels[at : at + size]) for at in range(0, len(pixels), size)])

    def encode_cells(self, pixels: Floats) -> Floats:
        """See `Encoder`; one picture at a time. Raises EncoderDiedError where the child died."""
        shape = (*cells_of(self.manifest), self.dim)
        found = [self._cells(pixels[at : at + 1], shape) for at in range(len(pixels))]
        return np.concatenate([np.empty((0, *shape), np.float32), *found])

    def encode_pictures(self, pictures: Sequence[Image.Image]) -> Floats:
        """See `Encoder`; prepares one batch at a time, so that memory does not grow with their number."""
        spec, size = self.manifest.image, self._image_batch
        if spec is None:
            raise EncoderError("encoder.no_image")
        groups = (pictures[at : at + size] for at in range(0, len(pictures), size))
        return self._joined([self._pixels(np.stack([to_pixels(p, spec) for p in group])) for group in groups])

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """See `Encoder`. Raises EncoderDiedError where the child died."""
        return self._texts("texts", texts)[1]

    def encode_queries(self, texts: Sequence[str]) -> tuple[Floats, list[UnknownWords]]:
        """See `Encoder`; a child that calls anything but words of a text unknown is not repeated."""
        head, vectors = self._texts("queries", texts)
        answers = head.get("unknown")
        found = answers if isinstance(answers, list) else []
        return vectors, [_unknown(one, text) for one, text in zip_longest(found[: len(texts)], texts)]

    def close(self) -> None:
        """End the child, also one that is being started; nothing can be encoded any more."""
        with self._lock:
            self._closed = True
            self._process.close()

    def _pixels(self, pixels: Floats) -> Floats:
        pixels = np.ascontiguousarray(pixels, np.float32)
        return self._called("pixels", {"shape": pixels.shape}, pixels.data, len(pixels))[1]

    def _cells(self, pixels: Floats, shape: tuple[int, ...]) -> Floats:
        pixels = np.ascontiguousarray(pixels, np.float32)
        count, head = math.prod(shape[:-1]), {"shape": pixels.shape}
        _, answer = self._exchanged("cells", head, pixels.data, 1, vectors=count)
        cells = np.frombuffer(answer, np.float32)
        if cells.size != math.prod(shape) or not np.isfinite(cells).all():
            raise EncoderError("encoder.bad_output", dim=self.dim)
        return cells.reshape(1, *shape)

    def _texts(self, method: str, texts: Sequence[str]) -> tuple[dict[str, Any], Floats]:
        if self.manifest.text is None:
            raise EncoderError("encoder.no_text")
        return self._called(method, {}, json.dumps(list(texts)).encode(), len(texts))

    def _called(
        self, method: str, head: dict[str, Any], payload: Buffer, count: int
    ) -> tuple[dict[str, Any], Floats]:
        """Let the child encode `count` inputs; return what else it says of them, and their vectors."""
        reply, answer = self._exchanged(method, head, payload, count)
        return reply, self._checked(answer, count)

    def _exchanged(
        self, method: str, head: dict[str, Any], payload: Buffer, count: int, *, vectors: int = 0
    ) -> tuple[dict[str, Any], bytes]:
        """Let the child answer for `count` inputs; a child that died is replaced behind the caller's back.

        `vectors`: how many come back, where it is not one for each input.
        """
        process, seconds = self._running(), self._options.call_seconds
        size = (vectors or count) * self.dim * _FLOAT_BYTES
        call: Callable[[SandboxProcess], tuple[dict[str, Any], bytes]] = methodcaller(
            "call", method, head, [payload], reply_bytes=size, timeout_seconds=seconds
        )
        try:
            try:
                return call(process)
            except SandboxGoneError:  # somebody ended it while it was idle: not this question's doing
                process = self._running(process)
                return call(process)
        except SandboxError as error:
            raise self._failed(process, error, count) from error

    def _failed(self, process: SandboxProcess, error: SandboxError, count: int) -> EncoderError:
        """Return what a caller is told. Of several inputs nobody knows which one it was: each is tried alone then."""
        if isinstance(error, SandboxDiedError):
            if count == 1 and self._died(error.reason):
                self.close()
                return EncoderSetAsideError("encoder.died", reason=error.reason)
            threading.Thread(
                target=self._restart, args=[process], name="encoder-restart", daemon=True
            ).start()
            return EncoderDiedError("encoder.died", reason=error.reason)
        if isinstance(error, SandboxTimeoutError):
            return EncoderError("encoder.timeout/ended", limit_seconds=self._options.call_seconds)
        if isinstance(error, SandboxMemoryError):
            return EncoderMemoryError("encoder.memory")
        return EncoderError("encoder.failed", reason=str(error)[-500:])

    def _restart(self, dead: SandboxProcess) -> None:
        """Start another child while nobody waits for it; a failure is met again by the next call."""
        try:
            self._running(dead)
        except EncoderError:
            return

    def _running(self, dead: SandboxProcess | None = None) -> SandboxProcess:
        """Return a child that can be called, started anew where the former one has ended."""
        with self._lock:
            if self._closed:
                raise EncoderError("encoder.closed")
            if self._process is dead or not self._process.alive:
                self._process.close()
                self._process = self._started()
            return self._process

    def _started(self) -> SandboxProcess:
        try:
            return SandboxProcess(self._spec)
        except SandboxDiedError as error:
            self._closed = self._died(error.reason)
            kind = EncoderSetAsideError if self._closed else EncoderDiedLoadingError
            raise kind("encoder.died/loading", reason=error.reason) from error
        except SandboxError as error:
            raise EncoderNotStartedError("encoder.cannot_load", reason=str(error)[-500:]) from error

    def _joined(self, parts: Sequence[Floats]) -> Floats:
        return np.concatenate([np.empty((0, self.dim), np.float32), *parts])

    def _checked(self, answer: bytes, count: int) -> Floats:
        """Return the vectors (count, dim); raises EncoderError `encoder.bad_output` for what are none."""
        if len(answer) == count * self.dim * _FLOAT_BYTES:
            vectors = np.frombuffer(answer, np.float32).reshape(count, self.dim)
            lengths = np.linalg.norm(vectors, axis=1)
            if np.isfinite(lengths).all() and (np.abs(lengths - 1) < LENGTH_TOLERANCE).all():
                return vectors
        raise EncoderError("encoder.bad_output", dim=self.dim)


def _unknown(answer: Any, text: str) -> UnknownWords:
    """Return what the child calls unknown in a text, as far as the text holds it."""
    answer = answer if isinstance(answer, dict) else {}
    words = answer.get("words")
    strings = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
    return UnknownWords(as_written(strings, text), answer.get("nothing_known") is True)


def _spec(folder: Path, options: EncoderOptions) -> SandboxSpec:
    # A cache of its own: what one version's process wrote, no other may load.
    cache = options.cache / folder.name if options.cache else None
    if cache:
        _make_cache(cache)
    sandbox_grant(folder, write=False)
    return SandboxSpec(
        handler=PLACE,
        options={"folder": str(folder), "cache": str(cache) if cache else None, "threads": options.threads},
        memory_bytes=options.memory_bytes,
        start_memory_bytes=_LOADING_BYTES,
        threads=options.threads,
        readable=(folder,),
        writable=(cache,) if cache else (),
    )


def _make_cache(folder: Path) -> None:
    """Make the folder of compiled networks; one that another user filled is of no use to the child, and goes."""
    if folder.is_dir() and folder.stat().st_uid != sandbox_user():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
