import math

import numpy as np
import pytest
import torch

from workers.training.concepts import concept_loss, word_shares, word_weights

CAPTIONS = [[[1, 4, 5, 2], [1, 4, 4, 2]], [[1, 4, 6, 3, 2]], [[1, 5, 2]], [[1, 4, 2]]]


def test_a_word_weighs_by_how_few_pictures_it_tells_of_and_special_tokens_nothing():
    weights = word_weights(CAPTIONS, 8)
    assert weights[:4].tolist() == [0, 0, 0, 0]
    assert weights[4:7].tolist() == pytest.approx([math.log(4 / 3), math.log(2), math.log(4)])


def test_a_pictures_shares_are_its_captions_words_by_count_and_weight():
    weights = word_weights(CAPTIONS, 8)
    shares = word_shares(CAPTIONS[0], weights)
    expected = {4: 3 * math.log(4 / 3), 5: math.log(2)}
    total = sum(expected.values())
    assert shares.sum() == pytest.approx(1)
    assert {n: shares[n] for n in np.flatnonzero(shares)} == pytest.approx(
        {n: v / total for n, v in expected.items()}
    )


def test_a_picture_whose_words_tell_nothing_asks_for_nothing():
    shares = word_shares([[1, 2]], word_weights(CAPTIONS, 8))
    assert shares.sum() == 0
    assert concept_loss(torch.randn(1, 8), torch.from_numpy(shares)[None]) == 0


def test_the_loss_is_the_cross_entropy_written_as_a_loop():
    torch.manual_seed(0)
    logits, shares = torch.randn(3, 5), torch.softmax(torch.randn(3, 5), 1)
    slow = 0.0
    for row, share in zip(logits.tolist(), shares.tolist(), strict=True):
        total = sum(math.exp(value) for value in row)
        slow -= sum(s * math.log(math.exp(value) / total) for value, s in zip(row, share, strict=True))
    assert concept_loss(logits, shares).item() == pytest.approx(slow, rel=1e-5)
