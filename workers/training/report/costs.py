"""What a bundle costs: its weights, its file, and the time that serving takes for a picture and for a caption."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import ZipFile

from workers.inference.pictures import open_picture
from workers.training.evaluate import opened_bundle

PICTURES, CAPTIONS, REPEATS = 16, 200, 3
WEIGHTS = "native.safetensors"


@dataclass(frozen=True, slots=True)
class Costs:
    """`parameters`: of both encoders, statistics included. `picture_ms`, `caption_ms`: on this machine's CPU.

    In batches as serving forms them, of a decoded picture with its crops, and of a caption.
    """

    parameters: int
    bundle_bytes: int
    picture_ms: float
    caption_ms: float


def costs_of(bundle: Path, pictures: tuple[Path, ...], texts: list[str]) -> Costs:
    """Measure a bundle, or read what was measured of the same file before: `BUNDLE.costs.json` beside it."""
    kept = bundle.with_name(f"{bundle.name}.costs.json")
    if kept.is_file() and kept.stat().st_mtime_ns >= bundle.stat().st_mtime_ns:
        return Costs(**json.loads(kept.read_text()))
    costs = _measured(bundle, pictures[:PICTURES], texts[:CAPTIONS])
    kept.write_text(json.dumps(asdict(costs)) + "\n")
    return costs


def _measured(bundle: Path, pictures: tuple[Path, ...], texts: list[str]) -> Costs:
    opened = [open_picture(path.read_bytes()) for path in pictures]
    with opened_bundle(bundle, "cpu") as encoder:
        picture_ms = _milliseconds(lambda: encoder.encode_pictures(opened)) / len(opened)
        caption_ms = _milliseconds(lambda: encoder.encode_texts(texts)) / len(texts)
    return Costs(_parameters(bundle), bundle.stat().st_size, picture_ms, caption_ms)


def _milliseconds(work: Callable[[], object]) -> float:
    """The shortest of several times: what the machine does beside it makes the others longer."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def _parameters(bundle: Path) -> int:
    """The values in the bundle's native weights, from the header of their file (safetensors: its length, then JSON)."""
    with ZipFile(bundle) as archive, archive.open(WEIGHTS) as weights:
        length = int.from_bytes(weights.read(8), "little")
        header = json.loads(weights.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
