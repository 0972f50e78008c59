"""A run's captions as token ids: words over a vocabulary of its own, or pieces over a pretrained encoder's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.neural.errors import ModelConfigError
from workers.neural.pieces import piece_tokenizer
from workers.neural.tokens import END_ID, UNKNOWN_ID, WordTokenizer, vocabulary_of
from workers.training.base import KeptReading, keep_reading
from workers.training.layout import Captioned
from workers.training.packages import sentence_source
from workers.training.recipe import Recipe
from workers.training.run_folder import RunFolder
from workers.training.sentence_model import SentenceModel
from workers.training.start import bundle_vocabulary
from workers.training.word_store import Words, word_store

Tokens = list[list[list[int]]]


@dataclass(frozen=True, slots=True)
class TokenisedTexts:
    """`vocabulary`: a token's place in it is its id. `tokens`: of each split, by picture and caption.

    `unknown`: the share, 0 to 1, of the validation captions' tokens that the vocabulary lacks; 0 where the bundle that
    the run goes on from has a tokenizer of its own.
    """

    vocabulary: list[str]
    tokens: tuple[Tokens, Tokens]
    unknown: float


def read_texts(
    recipe: Recipe, folder: RunFolder, splits: tuple[Captioned, Captioned], cache: Path
) -> TokenisedTexts:
    """The captions of both splits. A new run chooses its vocabulary, a resumed one keeps its own.

    Raises ModelConfigError, WeightsError or TrainingError.
    """
    if recipe.reads_as_bundle:
        return _as_bundle(recipe, folder, splits)
    if recipe.reads_pieces:
        return _in_pieces(recipe, _vocabulary(folder, recipe, ()), splits)
    train, val = (word_store(split, cache) for split in splits)
    vocabulary = _vocabulary(folder, recipe, train)
    tokenizer = WordTokenizer(vocabulary)
    unknown = tokenizer.unknown_share([text for texts in val for text in texts])
    limit = recipe.data.max_tokens
    encoded = (
        [[tokenizer.encode_words(text, limit) for text in texts] for texts in words] for words in (train, val)
    )
    return TokenisedTexts(vocabulary, (next(encoded), next(encoded)), unknown)


def _as_bundle(recipe: Recipe, folder: RunFolder, splits: tuple[Captioned, Captioned]) -> TokenisedTexts:
    """By the tokenizer of the bundle that the run goes on from, marks included, whatever they are."""
    if recipe.data.join > 1 or recipe.data.drop_words > 0:
        raise ModelConfigError("data.join and data.drop_words are for vocabularies of our own.")
    keep_reading(Path(recipe.start.bundle), folder.path)
    reading = KeptReading(folder.path)
    (train, vocabulary), (val, _) = (reading.tokens(split.captions) for split in splits)
    if not folder.vocabulary.exists():
        folder.vocabulary.write_text("")  # other processes wait for it; what it would say is in `reads/`
    return TokenisedTexts(vocabulary, (train, val), 0.0)


def _in_pieces(recipe: Recipe, vocabulary: list[str], splits: tuple[Captioned, Captioned]) -> TokenisedTexts:
    tokenizer = piece_tokenizer(vocabulary)

    def encoded(captions: Sequence[str]) -> list[list[int]]:
        found = (text.ids for text in tokenizer.encode_batch(list(captions)))
        return [[*ids[:-1][: recipe.data.max_tokens - 1], END_ID] for ids in found]

    train, val = ([encoded(captions) for captions in split.captions] for split in splits)
    pieces = [piece for captions in val for caption in captions for piece in caption]
    return TokenisedTexts(vocabulary, (train, val), pieces.count(UNKNOWN_ID) / max(1, len(pieces)))


def _vocabulary(folder: RunFolder, recipe: Recipe, words: Words) -> list[str]:
    if not folder.vocabulary.exists():
        partial = folder.vocabulary.with_suffix(".partial")
        partial.write_text("\n".join(_new_vocabulary(recipe, words)) + "\n")
        partial.rename(folder.vocabulary)  # whole at once: other processes wait for it
    return folder.vocabulary.read_text().splitlines()


def _new_vocabulary(recipe: Recipe, words: Words) -> list[str]:
    """That of the bundle or sentence encoder that the run begins with, else of its training captions."""
    if recipe.start.bundle:
        return bundle_vocabulary(Path(recipe.start.bundle))
    if not recipe.reads_pieces:
        return vocabulary_of((text for texts in words for text in texts), recipe.data.min_count)
    if not recipe.start.sentence:
        raise ModelConfigError(
            "A text encoder of kind sentence begins with a pretrained one: set start.sentence to its folder or zip."
        )
    return SentenceModel(sentence_source(recipe.start.sentence)).vocabulary
