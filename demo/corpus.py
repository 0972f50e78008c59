"""Writes the drawn corpus: a training set, documents, labelled drawings. The same seed writes the same bytes."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from demo.drawing import COLOURS, CONDITIONS, KINDS, Scene, draw, scene_sample
from demo.texts.captions import captions
from demo.texts.documents import note
from demo.texts.phrases import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_T = TypeVar("_T")

TRAINING_SIZE, SHOWN_SIZE = 128, 640  # pixels
JPEG_QUALITY = 88
VALIDATION_SHARE = 0.04
DOCUMENTS_PER_PICTURED = 14  # one document in so many has one or two pictures
TRAINING_STREAM, DOCUMENT_STREAM, DRAWING_STREAM = (
    1,
    2,
    3,
)  # so that one seed never gives the same scene twice


def write_training_set(out: Path, seed: int, count: int, processes: int = 1) -> None:
    """Writes `count` captioned drawings in Flickr8k's layout.

    images/*.jpg (128² pixels), captions.txt (`name.jpg#k<TAB>caption`, five a picture), train.txt, val.txt (names),
    groups.txt (`name.jpg<TAB>what it shows`: pictures of one group are not told apart by their captions).
    """
    (out / "images").mkdir(parents=True, exist_ok=True)
    items = _mapped(partial(_training_item, images=out / "images", seed=seed), count, processes)
    (out / "captions.txt").write_text("".join(line for _, lines in items for line in lines), encoding="utf-8")
    (out / "groups.txt").write_text("".join(group for group, _ in items), encoding="utf-8")
    names = [lines[0].split("#")[0] + "\n" for _, lines in items]
    held = max(1, round(count * VALIDATION_SHARE))
    (out / "val.txt").write_text("".join(names[:held]), encoding="utf-8")
    (out / "train.txt").write_text("".join(names[held:]), encoding="utf-8")


def write_documents(out: Path, seed: int, count: int, processes: int = 1, *, pictured: bool = True) -> None:
    """Writes `count` service notes: documents.jsonl and, for some, pictures of 640² pixels under images/.

    Each line has external_id, title, body, url, tags, metadata and images (paths relative to `out`). Kinds, colours and
    conditions are covered evenly: every combination once before any comes twice. Without `pictured` the same texts
    come without pictures, which takes most of the time.
    """
    (out / "images").mkdir(parents=True, exist_ok=True)
    records = _mapped(
        partial(_document, out=out, seed=seed, subjects=_subjects(seed, count), pictured=pictured),
        count,
        processes,
    )
    _write_jsonl(out / "documents.jsonl", records)


def write_drawings(out: Path, seed: int, count: int, *, size: int = SHOWN_SIZE, processes: int = 1) -> None:
    """Writes `count` pictures and truth.jsonl (`file`, `kind`, `colour`, `condition`)."""
    out.mkdir(parents=True, exist_ok=True)
    _write_jsonl(
        out / "truth.jsonl", _mapped(partial(_drawing, out=out, seed=seed, size=size), count, processes)
    )


def _mapped(work: Callable[[int], _T], count: int, processes: int) -> list[_T]:
    """`work` for 0 … count − 1 in order, in this process or in several."""
    if processes <= 1:
        return [work(number) for number in range(count)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, range(count), chunksize=16))


def _write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_text(
        "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8"
    )


def _stream(stream: int, seed: int, *numbers: int) -> np.random.Generator:
    return np.random.default_rng([stream, seed, *numbers])


def _save(scene: Scene, path: Path, size: int) -> None:
    draw(scene, size).save(path, quality=JPEG_QUALITY)


def _training_item(number: int, *, images: Path, seed: int) -> tuple[str, list[str]]:
    """The picture's line of groups.txt and its lines of captions.txt."""
    scene = scene_sample(_stream(TRAINING_STREAM, seed, number))
    name = f"{seed}-{number:06d}.jpg"
    _save(scene, images / name, TRAINING_SIZE)
    texts = captions(scene, _stream(TRAINING_STREAM, seed, number, 1))
    group = f"{name}\t{scene.kind}, {scene.colour}, {scene.condition}\n"
    return group, [f"{name}#{k}\t{text}\n" for k, text in enumerate(texts)]


def _subjects(seed: int, count: int) -> list[Subject]:
    """Every combination in a shuffled order, again and again until there are `count`."""
    every = [Subject(*labels) for labels in product(KINDS, COLOURS, CONDITIONS)]
    rng = _stream(DOCUMENT_STREAM, seed)
    rounds = -(-count // len(every))
    return [every[int(i)] for _ in range(rounds) for i in rng.permutation(len(every))][:count]


def _document(
    number: int, *, out: Path, seed: int, subjects: list[Subject], pictured: bool
) -> dict[str, Any]:
    subject, rng = subjects[number], _stream(DOCUMENT_STREAM, seed, number)
    written = note(subject, rng)
    drawn = pictured and number % DOCUMENTS_PER_PICTURED == 0
    name = f"note-{seed}-{number + 1:05d}"
    return {
        "external_id": name,
        "title": written.title,
        "body": written.body,
        "url": f"https://notes.example.org/service/{name}",
        "tags": list(written.tags),
        "metadata": {"kind": subject.kind, "colour": subject.colour, "condition": subject.condition},
        "images": _document_images(out, name, subject, rng) if drawn else [],
    }


def _document_images(out: Path, name: str, subject: Subject, rng: np.random.Generator) -> list[str]:
    paths = []
    for k in range(int(rng.integers(1, 3))):
        scene = scene_sample(
            rng, kind=subject.kind, colour=subject.colour, condition=subject.condition, count=1
        )
        paths.append(f"images/{name}-{k + 1}.jpg")
        _save(scene, out / paths[-1], SHOWN_SIZE)
    return paths


def _drawing(number: int, *, out: Path, seed: int, size: int) -> dict[str, Any]:
    scene = scene_sample(_stream(DRAWING_STREAM, seed, number))
    name = f"drawing-{seed}-{number + 1:05d}.jpg"
    _save(scene, out / name, size)
    return {"file": name, "kind": scene.kind, "colour": scene.colour, "condition": scene.condition}
