"""`python -m bench.two_stages`: a bundle of two stages as the bulk worker runs it, against one after the other.

The bundle is exported with random weights, for speed does not depend on what was learned, and read by the same encoder
that the worker's walled process loads. Prints the stages' times, the batch sizes that their measured times suggest, and
the ratio of the throughput at once to that of the same batches one after the other, and to that of the graph as one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bench.measure import MS, Report
from workers.inference.bundles import bundle_extract, bundle_write
from workers.inference.encoder import STAGE_BATCH, at_once, load_encoder
from workers.inference.stages import balanced, batch_seconds
from workers.neural.images.detector import ARCHITECTURE
from workers.neural.images.regions import RegionsConfig
from workers.neural.reasoning.light import LightConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.two_tower import TwoTowerConfig
from workers.training.graphs import staged_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from workers.inference.encoder import BundleEncoder

    Floats = NDArray[np.float32]

SIZES = (1, 2, 4)
HALF_BATCH = 8
"""Pictures that the bulk worker hands over at once on a CPU."""


def main() -> None:
    """Print what was measured."""
    options, report = _options(), Report()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as room:
        encoder = _encoder(options, Path(room))
        draw = np.random.default_rng(0)
        pixels = draw.normal(size=(HALF_BATCH, 3, options.size, options.size)).astype(np.float32)
        first, second = encoder.runtime.halves() or (encoder.runtime.image, encoder.runtime.image)
        nodes = first(pixels[:1])[0]
        times = [
            batch_seconds(lambda batch, half=half: half(np.stack(batch)), one, SIZES)
            for half, one in ((first, pixels[0]), (second, nodes))
        ]
        sizes = balanced(*times)
        for name, seconds, size in zip(("regions", "reasoning"), times, sizes, strict=True):
            report.say(f"{name}: mean time in batches of {size}", seconds[size] / size * MS, "ms a picture")
        _compare(encoder, pixels, options.rounds, report)


def _compare(encoder: BundleEncoder, pixels: Floats, rounds: int, report: Report) -> None:
    """Take the three ways in turn, so that a machine that slows down meets all alike."""
    first, second = encoder.runtime.halves() or (encoder.runtime.image, encoder.runtime.image)

    def apart() -> Floats:
        batches = (pixels[at : at + STAGE_BATCH] for at in range(0, len(pixels), STAGE_BATCH))
        return np.concatenate([second(first(batch)) for batch in batches])

    ways: dict[str, Callable[[], Floats]] = {
        "one after the other": apart,
        "at once": lambda: at_once(pixels, first, second),
        "as one graph": lambda: encoder.runtime.image(pixels),
    }
    found = {name: run() for name, run in ways.items()}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            spent[name].append(time.perf_counter() - started)
    rates = {name: len(pixels) * rounds / sum(seconds) for name, seconds in spent.items()}
    for name, rate in rates.items():
        report.say(name, rate, "pictures/s")
    report.say("at once / one after the other", rates["at once"] / rates["one after the other"], "×")
    report.say("at once / as one graph", rates["at once"] / rates["as one graph"], "×")
    worst = float(np.abs(found["at once"] - found["one after the other"]).max())
    report.say("largest difference of a value, at once and one after the other", worst, "")


def _encoder(options: argparse.Namespace, room: Path) -> BundleEncoder:
    image = RegionsConfig(
        source=options.source,
        architecture=ARCHITECTURE if options.source == "detector" else options.architecture,
        nodes=options.nodes,
        proposals=options.proposals,
        width=options.dim,
        reasoning=LightConfig(),
    )
    model = TwoTowerConfig(options.dim, 10, image, MeanConfig(), CosineConfig()).build().eval()
    graph = staged_graph(model, options.size, half=False)
    bundle_write(room / "bundle.zip", _manifest(model.image.shape, options), {"image.onnx": graph})
    bundle_extract(room / "bundle.zip", room / "bundle")
    return load_encoder(room / "bundle", device="cpu", threads=options.threads)


def _manifest(stages: tuple[int, ...], options: argparse.Namespace) -> dict[str, Any]:
    return {
        "format": 1,
        "name": "regions",
        "licence": "MIT",
        "dim": options.dim,
        "similarity": "cosine",
        "modalities": ["image"],
        "image": {
            "resize": options.size,
            "size": options.size,
            "crop": "squash",
            "interpolation": "bilinear",
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "precision": "float32",
            "stages": list(stages),
        },
        "payloads": {"onnx": {"image": "image.onnx"}},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=("cells", "detector"), default="cells")
    parser.add_argument("--architecture", default="mobilenet_v2", help="of cells")
    parser.add_argument("--nodes", type=int, default=49, help="a square number of cells; of a detector, 36")
    parser.add_argument("--proposals", type=int, default=300)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--threads", type=int, help="of the processor; default: all")
    parser.add_argument("--rounds", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
