"""A child process that decodes pictures for as long as none of them ends it."""

from __future__ import annotations

import json
import resource
import select
import struct
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, cast

from tests.hostile.fuzzing.kinds import SECONDS_MAX, Input, Outcome

ROOT = Path(__file__).resolve().parents[3]
MEMORY_BYTES = 3 << 30
PIXELS_MAX = 2_000_000
RESTART_EVERY = 5000


class Decoder:
    """Sends pictures to the child and says how it went; starts another where one died."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._count = 0

    def try_out(self, given: Input) -> Outcome:
        """Return what decoding gave; a death or a silence is the outcome's problem."""
        child = self._running()
        asked = json.dumps(given.how).encode()
        try:
            _pipe(child.stdin).write(struct.pack("<II", len(asked), len(given.data)) + asked + given.data)
            _pipe(child.stdin).flush()
            ready, _, _ = select.select([child.stdout], [], [], SECONDS_MAX * 3)
            line = _pipe(child.stdout).readline() if ready else b""
        except BrokenPipeError:
            ready, line = [True], b""
        if line:
            return Outcome(**json.loads(line))
        self.stop()
        ended = (
            f"ended the process ({child.returncode})" if ready else f"took more than {SECONDS_MAX * 3:.0f} s"
        )
        return Outcome(problem=f"a picture {ended}")

    def _running(self) -> subprocess.Popen[bytes]:
        self._count += 1
        if self._count % RESTART_EVERY == 0:
            self.stop()
        if self._child is None:
            words = [sys.executable, "-m", "tests.hostile.fuzzing.decoding"]
            self._child = subprocess.Popen(
                words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self._child

    def stop(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            _pipe(child.stdin).close()
            _pipe(child.stdout).close()


DECODER = Decoder()


def _pipe(stream: object) -> BinaryIO:
    return cast("BinaryIO", stream)


def _decoded(data: bytes, how: dict[str, int | None]) -> Outcome:
    from workers.inference.errors import PictureError
    from workers.inference.pictures import PictureLimits, open_picture

    limits = PictureLimits(max_bytes=1 << 20, max_pixels=PIXELS_MAX)
    try:
        picture = open_picture(data, shortest_side=how["shortest_side"], limits=limits)
    except PictureError as error:
        return Outcome([error.id], problem="" if error.message else "a refusal without a sentence")
    except MemoryError:
        return Outcome(problem="took more memory than it may")
    if picture.mode != "RGB" or picture.width * picture.height > PIXELS_MAX or picture.info:
        return Outcome(problem=f"came out as {picture.mode}, {picture.size}, {sorted(picture.info)}")
    return Outcome()


def _serve(source: BinaryIO, target: BinaryIO) -> None:
    while head := source.read(8):
        asked, size = struct.unpack("<II", head)
        how = json.loads(source.read(asked))
        try:
            outcome = _decoded(source.read(size), how)
        except Exception as error:  # noqa: BLE001  that is what is looked for
            outcome = Outcome(problem=f"{type(error).__name__}: {error}"[:400])
        target.write(json.dumps(vars(outcome)).encode() + b"\n")
        target.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _serve(sys.stdin.buffer, sys.stdout.buffer)
