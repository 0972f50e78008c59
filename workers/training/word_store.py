"""A split's captions as words, found once and kept in the cache: seven seconds for Flickr8k, of every run."""

import hashlib
import json
import secrets
from pathlib import Path

from workers.training.layout import Captioned

Words = tuple[tuple[list[str], ...], ...]
# Changed whenever `words_of` finds other words in the same caption.
WORDS_FORMAT = 1


def word_store(split: Captioned, cache: Path) -> Words:
    """The words of each caption, picture by picture, from `cache` where they were found before."""
    path = cache / f"words-{_key(split)}.json"
    if path.exists():
        return tuple(tuple(captions) for captions in json.loads(path.read_text()))
    words = split.words()
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    partial.write_text(json.dumps(words))
    partial.rename(path)
    return words


def _key(split: Captioned) -> str:
    return hashlib.sha256(json.dumps([WORDS_FORMAT, split.captions]).encode()).hexdigest()[:20]
