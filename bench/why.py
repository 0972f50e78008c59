"""`python -m bench.why`: what it costs to say why the first hit was found, beside the same search without.

A server of the benchmark's own holds some of the demo's service notes under two versions of one model: the demo's,
whose bundle has cells, and the same without them, which is explained by covering cells. Words and drawn photos ask over
HTTP for one hit, each in turn with a search that does not ask why; no photo or text is asked twice. What is said of a
photo's hit includes the words of the note that was found.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from bench.client import Client
from bench.measure import MS, Report, percentile
from bench.serving import DATA_DIR, attached, serving
from bench.words import notes
from demo.commands.evaluate import BUNDLE
from demo.corpus import write_drawings
from demo.drawing.scene import scene_sample
from demo.texts.captions import captions
from workers.inference.bundles import bundle_extract, bundle_write, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.client import Timed

    Ask = Callable[[Any, dict[str, Any]], Timed]

NAME = "why"
WITH, WITHOUT = "champion", "challenger"
"""The aliases of the model with cells and of the one without."""
GOAL_MS = 150
WARM_ROUNDS = 4


@dataclass(frozen=True)
class Row:
    """What is asked: `ask` takes what is searched for and further fields; `goal` is of the milliseconds extra."""

    name: str
    ask: Ask
    asked: Iterator[Any]
    goal: str = ""


def main() -> None:
    """Print the medians of each row with and without an explanation, their difference and ratio."""
    options, report = _options(), Report()
    folder = DATA_DIR / NAME
    with tempfile.TemporaryDirectory() as temporary, serving(DATA_DIR=str(folder)) as port:
        attached(folder)
        from bench.documents import documents_store

        documents_store(NAME, "Notes", [note["body"] for note in notes()[: options.documents]])
        _answers(BUNDLE, WITH)
        _answers(_without_cells(Path(temporary)), WITHOUT)
        for row in _rows(_client(port), Path(temporary), options):
            _compare(row, options.rounds, report)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _rows(client: Client, room: Path, options: argparse.Namespace) -> Iterator[Row]:
    def words(model: str) -> Ask:
        return lambda text, fields: client.search(text=text, model=model, limit=1, **fields)

    def photo(model: str) -> Ask:
        return lambda data, fields: client.search_picture(
            data, model=model, limit="1", **{name: json.dumps(value) for name, value in fields.items()}
        )

    each = 2 * (options.rounds + WARM_ROUNDS)
    write_drawings(room / "drawn", seed=options.seed, count=2 * each)
    photos = (path.read_bytes() for path in sorted((room / "drawn").glob("*.jpg")))
    rng = np.random.default_rng(options.seed)
    texts = (captions(scene_sample(rng), rng)[0] for _ in range(each))
    goal = f"≤ {GOAL_MS}"
    yield Row("words", words(WITH), texts, goal)
    yield Row("photo, by cells", photo(WITH), photos, goal)
    yield Row("photo, by covering cells", photo(WITHOUT), photos)


def _compare(row: Row, rounds: int, report: Report) -> None:
    plain, why = [], []
    for place in range(rounds + WARM_ROUNDS):
        pair = [_milliseconds(row.ask(next(row.asked), fields)) for fields in ({}, {"explain": True})]
        if place >= WARM_ROUNDS:
            plain.append(pair[0])
            why.append(pair[1])
    report.say(f"{row.name}: without, p50", percentile(plain, 50), "ms")
    report.say(f"{row.name}: with why, p50", percentile(why, 50), "ms")
    report.say(f"{row.name}: extra, p50", percentile(why, 50) - percentile(plain, 50), "ms", row.goal)
    report.say(f"{row.name}: with / without", percentile(why, 50) / percentile(plain, 50), "×")


def _milliseconds(answer: Timed) -> float:
    if answer.status != 200 or not answer.body["results"]:
        raise SystemExit(f"the server answered {answer.status}: {answer.body}")
    return answer.seconds * MS


def _answers(bundle: Path, alias: str) -> None:
    """Let the server's own worker encode the notes by the bundle's model, and searches name it by the alias."""
    from bench.asking import finished, uploaded
    from models_admin import services
    from models_admin.models import Alias

    version = uploaded(bundle)
    finished(services.version_prepare(version=version))
    Alias.objects.update_or_create(name=alias, defaults={"version": version})


def _without_cells(room: Path) -> Path:
    """Write the demo's bundle without the output `cells`; nothing else differs."""
    bundle_extract(BUNDLE, room / "bundle")
    manifest = read_manifest(room / "bundle")
    values = manifest.to_json() | {"name": "demo-without-cells"}
    values["image"].pop("cells")
    graph = onnx.load(room / "bundle" / "image.onnx")
    kept = [output for output in graph.graph.output if output.name != "cells"]
    del graph.graph.output[:]
    graph.graph.output.extend(kept)
    files: dict[str, bytes | Path] = {name: room / "bundle" / name for name in manifest.files}
    files["image.onnx"] = graph.SerializeToString()
    bundle_write(room / "without.zip", values, files)
    return room / "without.zip"


def _client(port: int) -> Client:
    from django.contrib.auth import get_user_model

    from search.services.tokens import token_create

    user, _ = get_user_model().objects.get_or_create(username="bench")
    return Client(port, token_create(user=user, name="bench.why", scopes=["read", "write"])[1])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
