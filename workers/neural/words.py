"""Word vectors from a text file as GloVe publishes them: a word, then its numbers, one word a line."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from workers.neural.errors import WeightsError


def fill_words(table: nn.Embedding, vocabulary: Sequence[str], path: Path) -> int:
    """Set the rows of `table` (vocabulary, words) whose words the file knows; how many these are.

    Reads line by line, so memory does not grow with the file. Raises WeightsError with the number of a line that has
    another width than the table or cannot be read, and where the file knows none of the words.
    """
    rows = {word: number for number, word in enumerate(vocabulary)}
    found: set[str] = set()
    for number, word, values in _lines(path, table.embedding_dim):
        if word not in rows or word in found:
            continue
        vector = [_number(value) for value in values]
        if None in vector:
            raise WeightsError(
                f"{path.name}, line {number}: what follows {word!r} are not all finite numbers."
            )
        with torch.no_grad():
            table.weight[rows[word]] = torch.tensor(vector)
        found.add(word)
    if not found:
        raise WeightsError(f"{path.name} knows none of the vocabulary's {len(vocabulary)} words.")
    return len(found)


def _lines(path: Path, width: int) -> Iterator[tuple[int, str, list[str]]]:
    """Each line's number, counted from 1, its word and its `width` values, not yet read as numbers."""
    try:
        with path.open("rb") as source:
            for number, line in enumerate(source, 1):
                if (parts := _parts(line, f"{path.name}, line {number}", width)) is not None:
                    yield number, *parts
    except OSError as error:
        raise WeightsError(f"The word vectors {path} cannot be read: {error.strerror}.") from None


def _parts(line: bytes, where: str, width: int) -> tuple[str, list[str]] | None:
    """A line's word and values; None for word2vec's heading, which gives the number of words and their width."""
    try:
        fields = line.decode().rstrip().split(" ")
    except UnicodeDecodeError:
        raise WeightsError(f"{where} is not UTF-8.") from None
    if where.endswith("line 1") and fields[0].isdigit() and fields[1:] == [str(width)] != ["1"]:
        return None
    # Some of GloVe's words hold spaces ("at name@domain.com"), so what is too much may belong to the word; but not
    # where it is a number, which tells that the vectors are wider.
    extra = fields[1 : max(1, len(fields) - width)]
    if len(fields) <= width or (extra and all(_number(value) is not None for value in extra)):
        raise WeightsError(f"{where} has {len(fields) - 1} values behind its word; text.word_dim is {width}.")
    return " ".join(fields[:-width]), fields[-width:]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
