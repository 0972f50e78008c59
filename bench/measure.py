"""What the benchmarks measure; every figure is printed beside what it is compared with, from the same run."""

from __future__ import annotations

import io
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bench.client import Client, Timed
from bench.photos import photo
from workers.inference.pictures import open_picture, to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from PIL import Image

    from workers.inference.encoder import Encoder

MS = 1000.0


@dataclass(frozen=True)
class BenchServer:
    """The server under test."""

    port: int
    token: str

    def client(self) -> Client:
        """Return a new connection."""
        return Client(self.port, self.token)


@dataclass
class Report:
    """Lines for people and figures for programs."""

    figures: dict[str, float] = field(default_factory=dict)

    def say(self, name: str, value: float, unit: str, goal: str = "") -> None:
        """Print and keep one figure."""
        self.figures[name] = round(value, 4)
        print(f"  {name:<44}{value:>10.3f} {unit:<10}{goal and 'goal ' + goal}", flush=True)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` percent of `values` lie."""
    return float(np.percentile(values, share))


def one_client(server: BenchServer, encoder: Encoder, report: Report, rounds: int = 150) -> None:
    """Photo → JSON by one warm client, in turn with the encoder alone, pair by pair."""
    client, pixels = server.client(), _pixels(encoder, photo(0))
    for seed in range(10):
        _ok(client.search_picture(photo(10_000_000 + seed)))
        encoder.encode_pixels(pixels)
    answers, alone = [], []
    for seed in range(rounds):
        data = photo(time.time_ns() % 10_000_000 + seed)  # never seen before, so never from the cache
        time.sleep(0.02)  # making the photo warmed this process's side of the processor, not the server's
        answers.append(_ok(client.search_picture(data)))
        alone.append(_timed(lambda: encoder.encode_pixels(pixels)))
    total = [answer.seconds * MS for answer in answers]
    report.say("photo to JSON, p50", percentile(total, 50), "ms", "≤ 45")
    report.say("photo to JSON, p99", percentile(total, 99), "ms")
    report.say("encoder alone, p50", percentile(alone, 50) * MS, "ms")
    report.say(
        "photo to JSON / encoder alone", percentile(total, 50) / (percentile(alone, 50) * MS), "×", "≤ 1.7"
    )
    for part in ("decode", "encode", "transport", "search", "fetch", "keep", "total"):
        values = [float(answer.body["timings_ms"].get(part, 0)) for answer in answers]
        report.say(f"  of it {part}, p50", percentile(values, 50), "ms", "≤ 5" if part == "search" else "")


def first_search(server: BenchServer, report: Report) -> None:
    """The first search after readiness, against the median of the next thirty."""
    client = server.client()
    first, *rest = [_ok(client.search_picture(photo(20_000_000 + seed))).seconds * MS for seed in range(31)]
    report.say("first search after readiness", first, "ms")
    report.say("first search / p50", first / percentile(rest, 50), "×", "≤ 2")


def many_clients(
    server: BenchServer, encoder: Encoder, report: Report, clients: int = 16, each: int = 25
) -> None:
    """Throughput and latency at `clients` connections, against the encoder alone in batches of the same photos."""
    photos = [photo(time.time_ns() % 10_000_000 + seed) for seed in range(clients * each)]
    shares = [photos[number::clients] for number in range(clients)]
    with ThreadPoolExecutor(clients) as pool:  # warm: each of the server's threads has its connections
        list(pool.map(lambda number: _searches(server, [photo(30_000_000 + number)] * 2), range(clients)))
    before = _batches_per_second(encoder, photos[:64])
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answers = [
            answer for part in pool.map(lambda share: _searches(server, share), shares) for answer in part
        ]
    throughput = len(answers) / (time.perf_counter() - start)
    alone = statistics.mean([before, _batches_per_second(encoder, photos[:64])])
    times = [answer.seconds * MS for answer in answers]
    report.say(f"{clients} clients, throughput", throughput, "photos/s")
    report.say("encoder alone in batches of 16", alone, "photos/s")
    report.say("throughput / encoder alone", throughput / alone, "×", "≥ 0.70")
    report.say(f"{clients} clients, p50", percentile(times, 50), "ms")
    report.say(f"{clients} clients, p99 / p50", percentile(times, 99) / percentile(times, 50), "×", "≤ 3")
    report.say("errors", sum(answer.status != 200 for answer in answers), "", "0")


@dataclass(frozen=True)
class Stored:
    """The vectors that the server holds under `model`, and queries for them, float32 `(n, dim)`."""

    model: str
    vectors: NDArray[np.float32]
    queries: NDArray[np.float32]


def recall(server: BenchServer, truth: Stored, report: Report) -> None:
    """Recall@10 of the index against exact search, and the search's own time, over HTTP."""
    client, found, times, kinds = server.client(), [], [], set()
    for query in truth.queries:
        answer = _ok(client.search(embedding=[float(x) for x in query], model=truth.model, limit=10))
        found.append({int(hit["document"]["external_id"][1:]) for hit in answer.body["results"]})
        times.append(float(answer.body["timings_ms"]["search"]))
        kinds.add(answer.body["plan"]["kind"])
    exact = np.argpartition(-(truth.queries @ truth.vectors.T), 10, axis=1)[:, :10]
    hits = [len(set(row.tolist()) & ids) / 10 for row, ids in zip(exact, found, strict=True)]
    report.say("recall@10 of the index", statistics.mean(hits), "", "≥ 0.97")
    report.say("search over the stored vectors, p50", percentile(times, 50), "ms", "≤ 5")
    print(f"  plans: {', '.join(sorted(kinds))}")


def _searches(server: BenchServer, photos: list[bytes]) -> list[Timed]:
    client = server.client()
    return [client.search_picture(data) for data in photos]


def _batches_per_second(encoder: Encoder, photos: list[bytes], size: int = 16) -> float:
    pixels = np.concatenate([_pixels(encoder, data) for data in photos])
    start = time.perf_counter()
    for first in range(0, len(pixels), size):
        encoder.encode_pixels(pixels[first : first + size])
    return len(pixels) / (time.perf_counter() - start)


def _pixels(encoder: Encoder, data: bytes) -> NDArray[np.float32]:
    spec = encoder.manifest.image
    assert spec is not None
    picture: Image.Image = open_picture(io.BytesIO(data).getvalue(), shortest_side=spec.resize)
    return to_pixels(picture, spec)[None]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _ok(answer: Timed) -> Timed:
    if answer.status != 200:
        raise SystemExit(f"the server answered {answer.status}: {answer.body}")
    return answer
