"""What sandboxed processes cost: `python -m bench.walls [--bundle FILE] [--rounds N]`.

One photo and one text at a time, encoded in turn by an encoder in this process and by one behind the walls, and one
photo decoded so; the goal is that encoding a photo, and decoding one, cost less than 0.5 ms more each. Bundle: by
default the demo's.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.measure import MS, Report
from bench.photos import photo
from workers.inference.bundles import bundle_extract
from workers.inference.decoding.pool import Decoders
from workers.inference.decoding.types import DecodingLimits
from workers.inference.encoder import load_encoder
from workers.inference.pictures import open_picture, shortest_side_of, shrunk, to_pixels
from workers.inference.remote_encoder import EncoderOptions, RemoteEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from workers.inference.manifest import ImageSpec

DEMO = Path(__file__).parents[1] / "demo" / "bundle" / "demo.bundle.zip"
PREVIEW_PX = 320
BLOCK = 20


def main() -> None:
    """Print both medians and their difference for each kind of input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=DEMO)
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as room:
        folder = Path(room) / "bundle"
        bundle_extract(options.bundle, folder)
        folder.chmod(0o755)
        here = load_encoder(folder, device="cpu")
        there = RemoteEncoder(folder, EncoderOptions(device="cpu"), print)
        report = Report()
        spec = here.manifest.image
        if spec is not None:
            pixels = to_pixels(open_picture(photo(0), shortest_side=spec.resize), spec)[None]
            encoders = (here.encode_pixels, there.encode_pixels)
            np.testing.assert_array_equal(*(encode(pixels) for encode in encoders))
            _compare("photo", [lambda e=e: e(pixels) for e in encoders], options.rounds, report)
            _decoding(spec, options.rounds, report)
        if here.manifest.text is not None:
            texts = ["a leaking pump"]
            encoders = (here.encode_texts, there.encode_texts)
            _compare("text", [lambda e=e: e(texts) for e in encoders], options.rounds, report)
        there.close()


def _decoding(spec: ImageSpec, rounds: int, report: Report) -> None:
    """Make the encoder's input and the small copy of one photo of 1280 × 960 pixels."""
    data, decoders = photo(0), Decoders(DecodingLimits(processes=1))

    def here() -> NDArray[np.float32]:
        picture = open_picture(data, shortest_side=shortest_side_of(spec))
        shrunk(picture, PREVIEW_PX)
        return to_pixels(picture, spec)

    def there() -> NDArray[np.float32]:
        return decoders.prepared(data, spec, preview_px=PREVIEW_PX).pixels

    np.testing.assert_array_equal(here(), there())
    _compare("decoding", [here, there], rounds, report)
    decoders.close()


def _compare(kind: str, runs: list[Callable[[], object]], rounds: int, report: Report) -> None:
    """Time both sides in blocks by turns: call by call, each would wait for threads of the other that still spin."""
    times: list[list[float]] = [[], []]
    for block in range(rounds // BLOCK + 1):
        for run, found in zip(runs, times, strict=True):
            taken = [_timed(run) for _ in range(BLOCK)]
            if block:  # the first warms
                found.extend(taken)
    here, there = (statistics.median(found) * MS for found in times)
    report.say(f"{kind}, in this process", here, "ms")
    report.say(f"{kind}, behind the walls", there, "ms")
    report.say(f"{kind}, difference", there - here, "ms", "0.5" if kind != "text" else "")


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
