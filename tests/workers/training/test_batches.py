from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workers.neural.tokens import UNKNOWN_ID, WordTokenizer, vocabulary_of, words_of
from workers.training.batches import CachedFeatures, TrainingData
from workers.training.memory import Remembered
from workers.training.recipe import DataConfig, Recipe, RunConfig


def made(data, features=None, **settings):
    split, _ = data.splits()
    tokenizer = WordTokenizer(vocabulary_of(map(words_of, split.texts()), 1))
    limit = settings.get("max_tokens", 128)
    tokens = [[tokenizer.encode(text, limit) for text in texts] for texts in split.captions]
    table = (
        np.arange(len(split) * 2, dtype=np.float32).reshape(len(split), 2, 1)
        if features is None
        else features
    )
    recipe = Recipe("test", data=DataConfig(batch=16, **settings), run=RunConfig(seed=3))
    return TrainingData(split, CachedFeatures(table), tokens, recipe)


def same_batches(left, right):
    return all(
        all(torch.equal(a, b) for a, b in zip(x, y, strict=True)) for x, y in zip(left, right, strict=True)
    )


def same_of(batch):
    rows = Remembered(batch.pictures, batch.pictures, batch.groups, batch.texts)
    return rows.describes(rows)


def epoch_of(data, number):
    batches = data.epoch(number)
    return [batches[index] for index in range(len(batches))]


def test_an_epoch_is_the_same_whenever_it_is_asked_for_and_another_one_differs(data):
    training = made(data)
    first = epoch_of(training, 4)
    epoch_of(training, 5)
    assert same_batches(first, epoch_of(made(data), 4))
    assert not same_batches(first, epoch_of(training, 5))


def test_an_epoch_shows_every_picture_once_with_one_of_its_captions(data):
    training = made(data)
    rows = [int(v) // 2 for batch in epoch_of(training, 0) for v in batch.pictures.flatten()]
    assert sorted(rows) == list(range(80))
    batch = training.epoch(0)[0]
    for row, tokens, length in zip(batch.pictures.flatten(), batch.tokens, batch.lengths, strict=True):
        assert tokens[:length].tolist() in training.captions[int(row) // 2]


def test_every_pair_is_shown_once_where_that_is_asked_for(data):
    training = made(data, captions="every")
    assert training.batches_per_epoch() == 15
    rows = [int(v) // 2 for batch in epoch_of(training, 0) for v in batch.pictures.flatten()]
    assert sorted(rows) == sorted(list(range(80)) * 3)


def test_captions_together_come_with_their_picture_which_is_encoded_once(data):
    training = made(data, captions="grouped", drop_words=0.2)
    assert training.batches_per_epoch() == 5
    batch = training.epoch(0)[0]
    numbers = [int(v) // 2 for v in batch.pictures.flatten()]
    assert len(set(numbers)) == 16
    assert batch.owners.tolist() == [row for row in range(16) for _ in range(3)]
    for place, (owner, group) in enumerate(zip(batch.owners, batch.groups, strict=True)):
        picture = numbers[owner]
        assert group == training.split.groups[picture]
        read, told = (
            batch.tokens[place, : batch.lengths[place]].tolist(),
            training.captions[picture][place % 3],
        )
        assert all(word in {true, UNKNOWN_ID} for word, true in zip(read, told, strict=True))


def test_pictures_of_one_group_and_captions_of_the_same_words_are_not_negatives(data):
    batch = made(data).epoch(0)[0]
    groups = [(int(row) // 2 + 16) % 8 for row in batch.pictures.flatten()]
    assert same_of(batch).tolist() == [[a == b for b in groups] for a in groups]


def test_without_groups_only_captions_of_the_same_words_belong_together(data):
    import dataclasses

    training = made(dataclasses.replace(data, groups=""))
    batch = training.epoch(0)[0]
    texts = [tuple(row.tolist()) for row in batch.tokens]
    assert same_of(batch).tolist() == [[a == b for b in texts] for a in texts]
    assert same_of(batch).sum() > 16


def test_words_are_dropped_at_the_asked_rate_but_never_the_start_and_end(data):
    training = made(data, drop_words=0.3)
    batches = epoch_of(training, 0)
    words = torch.cat(
        [row[1 : length - 1] for b in batches for row, length in zip(b.tokens, b.lengths, strict=True)]
    )
    assert 0.2 < (words == UNKNOWN_ID).float().mean() < 0.4
    for batch in batches:
        assert (batch.tokens[:, 0] == 1).all()
        assert (batch.tokens.gather(1, batch.lengths[:, None] - 1) == 2).all()


def test_joined_captions_are_several_of_the_same_picture(data):
    training = made(data, join=3)
    batches = epoch_of(training, 0)
    single = max(len(ids) for captions in training.captions for ids in captions)
    assert max(int(batch.lengths.max()) for batch in batches) > single


def test_a_joined_text_never_grows_beyond_the_limit(data):
    training = made(data, join=3, max_tokens=9)
    assert max(int(batch.lengths.max()) for batch in epoch_of(training, 0)) == 9


def test_training_takes_any_view_and_serving_the_first(data):
    training = made(data)
    seen = {int(v) % 2 for batch in epoch_of(training, 0) for v in batch.pictures.flatten()}
    assert seen == {0, 1}
    model = SimpleNamespace(config=SimpleNamespace(mirror=False), encode_features=lambda *views: views)
    [views] = training.pictures.embeddings(model, range(5, 7), torch.device("cpu"))
    assert views.tolist() == [[10], [12]]


@pytest.mark.parametrize("captions", ["one", "every"])
def test_fewer_pictures_than_a_batch_still_make_one(data, captions):
    training = made(data, captions=captions)
    training.recipe = Recipe("test", data=DataConfig(batch=1000, captions=captions))
    assert training.batches_per_epoch() == len(training.epoch(0)) == 1
    assert len(training.epoch(0)[0].lengths) == (80 if captions == "one" else 240)
