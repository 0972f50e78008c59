"""Sentences from templates: slots are filled from the lexicon, `a` becomes `an` where it must."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.texts import lexicon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?!(?:us|uni|one|eu))")


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


@dataclass(frozen=True)
class Subject:
    """What a text is about."""

    kind: str
    colour: str
    condition: str


def words_for(subject: Subject, rng: np.random.Generator) -> dict[str, str]:
    """A choice of words for the slots of one text's sentence; called per sentence, so that synonyms mix."""
    kind, condition = lexicon.KINDS[subject.kind], lexicon.CONDITIONS[subject.condition]
    name = choose(rng, kind.names)
    return {
        "kind": name,
        "kinds": name + "s",
        "component": choose(rng, kind.components),
        "duty": choose(rng, kind.duty),
        "colour": choose(rng, lexicon.COLOURS[subject.colour]),
        "state": choose(rng, condition.states),
        "sign": choose(rng, condition.signs),
        "cause": choose(rng, condition.causes),
        "remedy": choose(rng, condition.remedies),
    }


def sentence(template: str, words: Mapping[str, str]) -> str:
    """A template with its slots filled, its articles right and its first letter large."""
    text = _ARTICLE.sub(r"\1n ", template.format(**words))
    return text[0].upper() + text[1:]
