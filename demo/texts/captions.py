from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from demo.texts import caption_phrases as book
from demo.texts import lexicon
from demo.texts.phrases import Subject, choose, sentence, words_for

if TYPE_CHECKING:
    from demo.drawing.scene import Scene

LENGTHS = np.array([0.26, 0.20, 0.16, 0.13, 0.10, 0.08, 0.07])  # shares of captions with 1, 2, … sentences


def _core(scene: Scene, length: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """The books of the sentences that together name kind, colour and condition."""
    if scene.count > 1 and rng.random() < 0.6:
        return [book.MANY]
    splits: list[list[tuple[str, ...]]] = [
        [book.WHOLE],
        [book.KIND_COLOUR, book.STATE],
        [book.KIND_STATE, book.COLOUR],
        [book.KIND, book.COLOUR, book.STATE],
    ]
    fitting = [split for split in splits if len(split) <= length]
    weights = np.array([2.0, 1.0, 0.6, 0.8])[: len(fitting)]
    return fitting[int(rng.choice(len(fitting), p=weights / weights.sum()))]


def _extras(scene: Scene, count: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """The books of what else is said."""
    books = [book.FILLER, book.STATE_MORE, book.KIND_MORE, book.PLACE]
    shares = np.array([0.56, 0.2, 0.16, 0.08])
    picked = [books[int(i)] for i in rng.choice(len(books), size=count, p=shares)]
    if scene.occluder and picked and rng.random() < 0.15:
        picked[0] = book.FRONT
    return picked


def _slots(scene: Scene, rng: np.random.Generator) -> dict[str, str]:
    words = words_for(Subject(scene.kind, scene.colour, scene.condition), rng)
    words["other_component"] = choose(rng, lexicon.KINDS[scene.kind].components)
    words["place"] = choose(rng, lexicon.SETTINGS[scene.setting])
    words["tool"] = choose(rng, lexicon.OCCLUDERS[scene.occluder or "wrench"])
    words["number"] = choose(rng, lexicon.NUMBERS[max(scene.count, 2)])
    return words


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One caption of 1 to 7 sentences that names the scene's kind, colour and condition, in lower-case-safe English."""
    length = 1 + int(rng.choice(len(LENGTHS), p=LENGTHS))
    core = _core(scene, length, rng)
    extras = _extras(scene, length - len(core), rng)
    books = [*core, *extras]
    if rng.random() < 0.4:  # else the core stands first; inside it the order stays, since "it" needs its noun
        lead = int(rng.integers(len(extras) + 1))
        books = [*extras[:lead], *core, *extras[lead:]]
    sentences = [sentence(choose(rng, templates), _slots(scene, rng)) for templates in books]
    return " ".join(sentences)


def captions(scene: Scene, rng: np.random.Generator, count: int = 5) -> list[str]:
    """Several captions of one scene."""
    return [caption(scene, rng) for _ in range(count)]
