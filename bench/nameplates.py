"""How well part numbers are read off photographed nameplates: `python -m bench.nameplates [--plates N] [--seed S]`.

Draws N nameplates (bench/plates.py), each with a part number of a set of three times as many, whose neighbours differ
in one place. Reads each photo as a query worker does, behind the walls, and looks the number up as a search does:
exactly, else by what looks like it. Prints how often exactly that number was read, how often its document is the
first hit and how often another one is, the time, and the reader's memory.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import psutil
from PIL import Image

from bench.plates import identifiers, photo_of, plate_of
from search.monitoring.intervals import wilson
from search.words.identifiers import normalised, not_within_others
from search.words.read_identifiers import look_alikes, read_identifiers
from workers.inference.ocr.reader import PhotoReader
from workers.inference.ocr.types import LONGEST_SIDE_PX
from workers.inference.pictures import shrunk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from workers.inference.ocr.types import TextRead

CORES = 2


def main() -> None:
    """Print the shares with their 95 % intervals (Wilson), times and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    rng = np.random.default_rng(options.seed)
    known = identifiers(3 * options.plates, rng)
    documents = {normalised(one): place for place, one in enumerate(known)}
    exact, first, wrong, seconds = 0, 0, 0, []
    with closing(PhotoReader()) as reader:
        reader.read(Image.new("RGB", (64, 64)))  # loads the networks
        for place in rng.permutation(len(known))[: options.plates]:
            picture = shrunk(_decoded(photo_of(plate_of(known[place], rng), rng)), LONGEST_SIDE_PX)
            started = time.perf_counter()
            texts = reader.read(picture)
            seconds.append(time.perf_counter() - started)
            exact += normalised(known[place]) in read_identifiers(one.text for one in texts)
            found = named(texts, documents)
            first += found == {normalised(known[place])}
            wrong += bool(found) and normalised(known[place]) not in found
        process = psutil.Process(reader.process.pid) if reader.process else None
        resident = process.memory_info().rss if process else 0
    for name, count in (
        ("number read exactly", exact),
        ("document first", first),
        ("another document", wrong),
    ):
        low, high = wilson(count / options.plates, options.plates)
        print(f"{name}: {count / options.plates:.3f} ({low:.3f} to {high:.3f})")
    print(
        f"reading: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s, on {CORES} cores"
    )
    print(f"reader's resident memory: {resident >> 20} MiB")


def named(texts: Iterable[TextRead], documents: Collection[str]) -> set[str]:
    """Return the identifiers that a search would find by what was read."""
    read = read_identifiers(one.text for one in texts)
    found = [value for value in read if value in documents]
    alike = (other for value in read for other in look_alikes(value))
    return not_within_others(found or [other for other in alike if other in documents])


def _decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


if __name__ == "__main__":
    main()
