"""`python -m bench.stages`: a picture's cells by a network, then the light reasoning, one after the other and at once.

Each stage has one core: MobileNetV2 by torch with one thread stands for the accelerator. Speed does not depend on what
was learned, so the weights are random.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any, cast

import torch

from bench.measure import MS, Report, percentile
from workers.inference.stages import Stage, TwoStages, balanced, batch_seconds
from workers.neural.folding import fold
from workers.neural.images.regions import RegionsConfig
from workers.neural.reasoning.light import LightConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.neural.images.regions import RegionEncoder

    Work = Callable[[list[torch.Tensor]], list[torch.Tensor]]

SIZES = (1, 2, 4, 8, 16)
SIZE = 224


def main() -> None:
    """Print both stages' times, the batch sizes that follow, and the pipeline's throughput beside its latency."""
    options, report = _options(), Report()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    first, second = _works(_encoder(options))
    picture = torch.randn(3, SIZE, SIZE)
    times = [batch_seconds(first, picture, SIZES), batch_seconds(second, first([picture])[0], SIZES)]
    sizes = balanced(*times)
    for name, seconds, size in zip(("cells", "reasoning"), times, sizes, strict=True):
        report.say(f"{name}: batch size", size, "")
        report.say(f"{name}: mean time", seconds[size] / size * MS, "ms a picture")
    _throughput((Stage(first, sizes[0]), Stage(second, sizes[1])), picture, options.pictures, report)


def _throughput(stages: tuple[Stage, Stage], picture: torch.Tensor, count: int, report: Report) -> None:
    """Each stage alone before and after the pipeline, so that a machine that slows down meets all alike."""
    node = stages[0].work([picture])[0]
    alone = [[_alone(stages[0], picture, count)], [_alone(stages[1], node, count)]]
    rate, latencies = _together(stages, picture, count)
    alone[0].append(_alone(stages[0], picture, count))
    alone[1].append(_alone(stages[1], node, count))
    rates = [sum(values) / len(values) for values in alone]
    report.say("cells alone", rates[0], "pictures/s")
    report.say("reasoning alone", rates[1], "pictures/s")
    report.say("one after the other (computed)", 1 / (1 / rates[0] + 1 / rates[1]), "pictures/s")
    report.say("both at once", rate, "pictures/s")
    report.say("both at once / slower stage alone", rate / min(rates), "×", "≥ 0.9")
    report.say("one picture while all wait, p50", percentile(latencies, 50) * MS, "ms")
    report.say("one picture alone, p50", percentile(_lone(stages, picture), 50) * MS, "ms")


def _alone(stage: Stage, item: torch.Tensor, count: int) -> float:
    batches = count // stage.size
    started = time.perf_counter()
    for _ in range(batches):
        stage.work([item] * stage.size)
    return batches * stage.size / (time.perf_counter() - started)


def _together(stages: tuple[Stage, Stage], picture: torch.Tensor, count: int) -> tuple[float, list[float]]:
    """Items per second, and each item's seconds from its submission to its answer."""
    latencies: list[float] = []

    def finish(begun: float) -> Callable[[object], None]:
        return lambda _: latencies.append(time.perf_counter() - begun)

    with TwoStages[torch.Tensor, torch.Tensor](*stages) as pipeline:
        started = time.perf_counter()
        answers = []
        for _ in range(count):
            done = finish(time.perf_counter())
            answers.append(pipeline.submit(picture))
            answers[-1].add_done_callback(done)
        for answer in answers:
            answer.result()
        seconds = time.perf_counter() - started
    return count / seconds, latencies


def _lone(stages: tuple[Stage, Stage], picture: torch.Tensor, rounds: int = 15) -> list[float]:
    with TwoStages[torch.Tensor, torch.Tensor](*stages) as pipeline:
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            pipeline.submit(picture).result()
            times.append(time.perf_counter() - started)
    return times


def _encoder(options: argparse.Namespace) -> RegionEncoder:
    config = RegionsConfig(architecture=options.architecture, width=options.dim, reasoning=LightConfig())
    encoder = config.build(options.dim).eval().requires_grad_(requires_grad=False)
    return cast("RegionEncoder", fold(encoder))


def _works(encoder: RegionEncoder) -> tuple[Work, Work]:
    def cells(pictures: list[Any]) -> list[Any]:
        with torch.inference_mode():
            return list(encoder.features(torch.stack(pictures)))

    def reasoning(nodes: list[Any]) -> list[Any]:
        with torch.inference_mode():
            return list(encoder.project(torch.stack(nodes)))

    return cells, reasoning


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="mobilenet_v2")
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--pictures", type=int, default=320)
    return parser.parse_args()


if __name__ == "__main__":
    main()
