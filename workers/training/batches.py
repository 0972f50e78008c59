"""Batches of pictures and captions.

What is random is a pure function of seed, epoch and place, so a resumed run has no state of it to restore.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from workers.neural.tokens import END_ID, PAD_ID, START_ID, UNKNOWN_ID
from workers.neural.two_tower import TwoTower
from workers.training.concepts import word_shares, word_weights
from workers.training.crops import fixed_views, random_crop
from workers.training.feature_store import Features
from workers.training.frozen_network import to_input
from workers.training.layout import Captioned
from workers.training.picture_store import PictureStore
from workers.training.recipe import PixelsConfig, Recipe

# Keeps the streams of random numbers of one run apart.
ORDER, PICTURE, TEXT = range(3)


class Batch(NamedTuple):
    """`pictures`: uint8 (pictures, size, size, 3) or features float32 (pictures, width). `tokens`, `lengths`, `owners`,
    `groups` and `texts` have a row for each text; `owners` is the row of its picture. Rows that describe each other
    have equal `groups` or equal `texts`, int64. `shares`: float32 (pictures, vocabulary), see `concepts.word_shares`;
    of no width where they are not asked for.
    """

    pictures: Tensor
    tokens: Tensor
    lengths: Tensor
    owners: Tensor
    groups: Tensor
    texts: Tensor
    shares: Tensor


class TrainingPictures(Protocol):
    """Where pictures come from: crops of a store, or rows of cached features."""

    def for_training(self, number: int, rng: np.random.Generator) -> NDArray[np.generic]:
        """One picture's input, varied at random."""
        ...

    def features(self, model: TwoTower, pictures: Tensor) -> Tensor:
        """A batch of such inputs → the image encoder's features (batch, *shape)."""
        ...

    def embeddings(self, model: TwoTower, rows: range, device: torch.device) -> Tensor:
        """These pictures' embeddings (rows, dim), of the views that serving takes."""
        ...


@dataclass(frozen=True, slots=True)
class CroppedPictures:
    """Crops of decoded pictures: uint8 (size, size, 3), for serving by ten crops (10, size, size, 3)."""

    store: PictureStore
    config: PixelsConfig

    def for_training(self, number: int, rng: np.random.Generator) -> NDArray[np.generic]:
        """One random crop."""
        return random_crop(self.store[number], self.config, rng)

    def features(self, model: TwoTower, pictures: Tensor) -> Tensor:
        """By the whole network."""
        return model.image.features(self._pixels(pictures))

    def embeddings(self, model: TwoTower, rows: range, device: torch.device) -> Tensor:
        """As serving computes them: of the centre, or of all ten crops, in every view."""
        size, crop = self.config.size, self.config.crop
        crops = np.stack([np.stack(fixed_views(self.store[row], size, crop)) for row in rows])
        pictures = torch.from_numpy(crops[:, 0] if crop == "center" else crops).to(device)
        return model.encode_image(self._pixels(pictures))

    def _pixels(self, pictures: Tensor) -> Tensor:
        pixels = to_input(pictures, self.config)
        return _channels_last(pixels) if pixels.dim() == 4 else pixels


@dataclass(frozen=True, slots=True)
class CachedFeatures:
    """Rows of a frozen network's values, handed out as float32 (*shape).

    Serving's view comes first, and then, where serving takes it too, its mirror image; other scales are not there.
    `late` is what is trained of the network, if any of it is: the values are then those of its early part.
    """

    values: Features
    late: nn.Module | None = None

    def for_training(self, number: int, rng: np.random.Generator) -> NDArray[np.generic]:
        """The values of one view at random."""
        return np.asarray(self.values[number, rng.integers(self.values.shape[1])], np.float32)

    def features(self, model: TwoTower, pictures: Tensor) -> Tensor:
        """The values themselves, or by the late part of the network."""
        if self.late is None:
            return pictures
        return cast("Tensor", self.late(_channels_last(pictures) if pictures.dim() == 4 else pictures))

    def embeddings(self, model: TwoTower, rows: range, device: torch.device) -> Tensor:
        """Of the picture, and where serving takes it too of its mirror image, in their own size alone."""
        values = np.array(self.values[rows.start : rows.stop, : 1 + model.config.mirror], np.float32)
        views = torch.from_numpy(values).to(device).unbind(1)
        return model.encode_features(*(self.features(model, view) for view in views))


class TrainingData:
    """A split with its pictures and its captions as token ids, picture by picture; `epoch(k)` gives its batches."""

    def __init__(
        self, split: Captioned, pictures: TrainingPictures, tokens: list[list[list[int]]], recipe: Recipe
    ) -> None:
        self.split = split
        self.pictures = pictures
        self.recipe = recipe
        self.captions = tokens
        vocabulary = max(word for texts in tokens for text in texts for word in text) + 1
        asked = recipe.concepts.weight > 0
        self.word_weights = word_weights(tokens, vocabulary) if asked else np.zeros(0, np.float32)
        self.text_ids = _text_ids(self.captions)
        every = recipe.data.captions == "every"
        self.pairs = [(n, k) for n, c in enumerate(self.captions) for k in range(len(c))] if every else None

    def batches_per_epoch(self) -> int:
        """Whole batches; what is left over waits for another epoch's order."""
        pairs = len(self.pairs) if self.pairs else len(self.captions)
        return max(1, pairs // self.recipe.data.batch)

    def epoch(self, number: int) -> "EpochBatches":
        """The batches of epoch `number`, counted from 0."""
        return EpochBatches(self, number)


class EpochBatches(Dataset[Batch]):
    """One epoch's batches by index, each computed on demand."""

    def __init__(self, data: TrainingData, epoch: int) -> None:
        self.data = data
        self.epoch = epoch
        self.size = data.recipe.data.batch
        count = len(data.pairs) if data.pairs else len(data.captions)
        self.order = self._rng(ORDER, 0).permutation(count)

    def __len__(self) -> int:
        return self.data.batches_per_epoch()

    def __getitem__(self, index: int) -> Batch:
        items = [int(item) for item in self.order[index * self.size : (index + 1) * self.size]]
        chosen = [self._chosen(item) for item in items]
        pictures = [
            self.data.pictures.for_training(picture, self._rng(PICTURE, item))
            for (picture, _), item in zip(chosen, items, strict=True)
        ]
        rows = [(row, picture, text) for row, (picture, texts) in enumerate(chosen) for text in texts]
        tokens, lengths = padded(
            [tokens for pair, item in zip(chosen, items, strict=True) for tokens in self._tokens(*pair, item)]
        )
        return Batch(
            pictures=torch.from_numpy(np.stack(pictures)),
            tokens=tokens,
            lengths=lengths,
            owners=torch.tensor([row for row, _, _ in rows]),
            groups=torch.tensor([self.data.split.groups[picture] for _, picture, _ in rows]),
            texts=torch.tensor([self.data.text_ids[picture][text[0]] for _, picture, text in rows]),
            shares=self._shares([picture for picture, _ in chosen]),
        )

    def _chosen(self, item: int) -> tuple[int, list[list[int]]]:
        """The picture of an item and its texts, each of one caption or of several that follow each other."""
        if self.data.pairs:
            number, caption = self.data.pairs[item]
            return number, [[caption]]
        count = len(self.data.captions[item])
        if self.data.recipe.data.captions == "grouped":
            return item, [[caption] for caption in range(count)]
        rng = self._rng(TEXT, item)
        joined = int(rng.integers(1, min(self.data.recipe.data.join, count) + 1))
        return item, [[int(caption) for caption in rng.permutation(count)[:joined]]]

    def _tokens(self, picture: int, texts: list[list[int]], item: int) -> Iterator[list[int]]:
        settings = self.data.recipe.data
        rng = self._rng(TEXT, item + len(self.order)) if settings.drop_words > 0 else None
        for text in texts:
            if len(text) == 1 and rng is None:
                yield self.data.captions[picture][text[0]]
                continue
            words = [word for caption in text for word in self.data.captions[picture][caption][1:-1]]
            if rng:
                dropped = rng.random(len(words)) < settings.drop_words
                words = [UNKNOWN_ID if drop else word for word, drop in zip(words, dropped, strict=True)]
            yield [START_ID, *words[: settings.max_tokens - 2], END_ID]

    def _shares(self, pictures: list[int]) -> Tensor:
        """What the words of all captions of each picture are, not only of those that are read now."""
        weights = self.data.word_weights
        if not len(weights):
            return torch.zeros(len(pictures), 0)
        return torch.from_numpy(np.stack([word_shares(self.data.captions[n], weights) for n in pictures]))

    def _rng(self, stream: int, item: int) -> np.random.Generator:
        return np.random.default_rng((self.data.recipe.run.seed, self.epoch, stream, item))


def _channels_last(maps: Tensor) -> Tensor:
    """The order in which convolutions are fast on a CPU."""
    return maps.contiguous(memory_format=torch.channels_last)


def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Token ids as int64 (batch, longest), padded with 0, and lengths int64 (batch)."""
    lengths = [len(text) for text in texts]
    tokens = np.full((len(texts), max(lengths)), PAD_ID, np.int64)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = text
    return torch.from_numpy(tokens), torch.tensor(lengths)


def _text_ids(captions: list[list[list[int]]]) -> list[list[int]]:
    """A number for every caption, equal for captions of the same tokens."""
    numbers: dict[tuple[int, ...], int] = {}
    return [[numbers.setdefault(tuple(ids), len(numbers)) for ids in texts] for texts in captions]
