"""The chunked measures against a slow oracle that sorts every list and counts."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.neural.similarity.order import OrderConfig
from workers.training import metrics
from workers.training.errors import TrainingError
from workers.training.measures import scores as scores_module
from workers.training.measures.folds import folded_quality
from workers.training.measures.ranks import read_ranks
from workers.training.metrics import cosine_scores, order_scores, retrieval_quality, retrieval_ranks


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slow_direction(scores, query_labels, target_labels):
    """Every query's list, sorted with wrong items before right ones of the same score."""
    lists = []
    for row, label in zip(scores, query_labels, strict=True):
        order = sorted(range(len(row)), key=lambda k: (-row[k], target_labels[k] == label))
        lists.append([bool(target_labels[k] == label) for k in order])
    ranks = np.array([hits.index(True) + 1 for hits in lists])
    measures = {f"r{k}": 100 * np.mean([any(hits[:k]) for hits in lists]) for k in (1, 3, 5, 10)}
    measures |= {
        f"recall{k}": 100 * np.mean([sum(hits[:k]) / sum(hits) for hits in lists]) for k in (1, 3, 5, 10)
    }
    measures |= {f"p{k}": 100 * np.mean([sum(hits[:k]) / k for hits in lists]) for k in (1, 3)}
    return measures | {
        "queries": len(ranks), "median_rank": np.median(ranks), "mean_rank": np.mean(ranks),
        "mrr": 100 * np.mean(1 / ranks), "ndcg10": 100 * np.mean([slow_ndcg(hits) for hits in lists]),
    }  # fmt: skip


def slow_ndcg(hits):
    """Gain 1 for a right item, divided by log2(1 + rank); over the same of the list with all right items first."""

    def gain(flags):
        return sum(1 / math.log2(1 + rank) for rank, hit in enumerate(flags[:10], 1) if hit)

    return gain(hits) / gain(sorted(hits, reverse=True))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("chunk", [1, 100, 10**9])
@pytest.mark.parametrize("name", ["cosine", "order"])
def test_both_directions_equal_the_slow_oracle_ties_included(monkeypatch, seed, chunk, name):
    monkeypatch.setattr(metrics, "CHUNK_SCORES", chunk)
    rng = np.random.default_rng(seed)
    # Few distinct coordinates, so that many scores are exactly equal.
    images = rng.integers(0, 3, (15, 4)).astype(np.float32)
    labels = [int(k) for k in rng.integers(0, 9, 15)]
    text_labels = [label for label in labels for _ in range(int(rng.integers(1, 4)))]
    captions = rng.integers(0, 3, (len(text_labels), 4)).astype(np.float32)
    score = {"cosine": cosine_scores, "order": order_scores}[name]
    quality = retrieval_quality(images, captions, (labels, text_labels), score)
    scores = np.array([[score(i[None], c[None])[0, 0] for c in captions] for i in images])
    assert vars_of(quality.image_to_text) == pytest.approx(slow_direction(scores, labels, text_labels))
    assert vars_of(quality.text_to_image) == pytest.approx(slow_direction(scores.T, text_labels, labels))


def vars_of(direction):
    return {name: getattr(direction, name) for name in direction.__dataclass_fields__}


def test_a_model_that_gives_everything_the_same_vector_gets_no_credit():
    same = unit(np.ones((20, 3)))
    quality = retrieval_quality(same, same, (range(20), range(20)))
    assert quality.sum_of_recalls == 0
    assert quality.image_to_text.median_rank == 20


def test_a_perfect_model_gets_everything():
    rows = np.eye(30, dtype=np.float32)
    quality = retrieval_quality(rows, np.repeat(rows, 5, 0), (range(30), np.repeat(np.arange(30), 5)))
    assert quality.sum_of_recalls == 600
    assert (quality.image_to_text.p1, quality.image_to_text.p3) == (100, 100)
    assert quality.text_to_image.p3 == pytest.approx(100 / 3)
    assert quality.to_json()["ties"] == "worst"


def test_order_similarity_is_minus_the_squared_violation():
    images, captions = np.array([[1.0, 0.0]], np.float32), np.array([[0.5, 0.5], [1.0, 0.0]], np.float32)
    assert order_scores(images, captions).tolist() == [[-0.25, 0.0]]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused_rather_than_ranked_first(value):
    rows = np.eye(3, dtype=np.float32)
    bad = rows.copy()
    bad[0, 0] = value
    with pytest.raises(ValueError, match="not finite"):
        retrieval_quality(bad, rows, (range(3), range(3)))


def test_a_picture_without_any_caption_is_refused():
    rows = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="no caption"):
        retrieval_quality(rows, rows[:2], (range(3), range(2)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_labels_and_scores_give_the_oracles_measures(data):
    """Many right items a query, many equal scores, more right items than places are kept."""
    labels = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=14))
    extra = data.draw(st.lists(st.sampled_from(labels), max_size=20))
    text_labels = [*dict.fromkeys(labels), *extra]
    values = st.lists(
        st.integers(-2, 2), min_size=len(labels) * len(text_labels), max_size=len(labels) * len(text_labels)
    )
    table = np.array(data.draw(values), np.float32).reshape(len(labels), len(text_labels))
    # The scores themselves stand for the embeddings: picture i's are row i, caption k's are the unit vector k.
    quality = retrieval_quality(table, np.eye(len(text_labels), dtype=np.float32), (labels, text_labels))
    assert vars_of(quality.image_to_text) == pytest.approx(slow_direction(table, labels, text_labels))
    assert vars_of(quality.text_to_image) == pytest.approx(slow_direction(table.T, text_labels, labels))


@pytest.mark.parametrize("sizes", [(7, 150), (150, 7)])
def test_order_scores_in_blocks_equal_the_formula_pair_by_pair(monkeypatch, sizes):
    monkeypatch.setattr(scores_module, "ORDER_BLOCK_VALUES", 33 * 40)
    rng = np.random.default_rng(3)
    images, captions = (unit(rng.standard_normal((size, 33))) for size in sizes)
    slow = [[-sum(max(0.0, c - i) ** 2 for i, c in zip(a, b, strict=True)) for b in captions] for a in images]
    assert order_scores(images, captions) == pytest.approx(np.array(slow), abs=1e-5)


@pytest.mark.parametrize("sizes", [(9, 30), (30, 9)])
def test_order_scores_are_those_that_a_model_is_trained_with(sizes):
    rng = np.random.default_rng(4)
    images, captions = (unit(rng.standard_normal((size, 16))).astype(np.float32) for size in sizes)
    trained = OrderConfig().build(16).scores(torch.from_numpy(images), torch.from_numpy(captions))
    np.testing.assert_allclose(order_scores(images, captions), trained.numpy(), rtol=1e-5, atol=1e-6)


def ranks_of(seed=0, pictures=20):
    rng = np.random.default_rng(seed)
    labels = np.arange(pictures)
    images, captions = unit(rng.standard_normal((pictures, 6))), unit(rng.standard_normal((3 * pictures, 6)))
    return retrieval_ranks(images, captions, (labels, np.repeat(labels, 3)))


def test_ranks_kept_in_a_file_give_the_same_quality(tmp_path):
    ranks = ranks_of()
    ranks.save(tmp_path / "ranks.npz")
    assert read_ranks(tmp_path / "ranks.npz").quality() == ranks.quality()


def test_a_file_that_holds_no_ranks_is_refused_with_its_name(tmp_path):
    (tmp_path / "ranks.npz").write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"ranks\.npz"):
        read_ranks(tmp_path / "ranks.npz")


def test_folds_are_the_mean_over_whole_blocks_of_pictures_with_their_captions():
    rng = np.random.default_rng(1)
    images, captions = unit(rng.standard_normal((11, 5))), unit(rng.standard_normal((22, 5)))
    owners = np.repeat(np.arange(11), 2)
    folded = folded_quality(images, captions, (range(11), owners), size=4)
    parts = [
        retrieval_quality(
            images[a : a + 4], captions[2 * a : 2 * a + 8], (range(a, a + 4), owners[2 * a : 2 * a + 8])
        )
        for a in (0, 4)
    ]
    for name in ("image_to_text", "text_to_image"):
        slow = {
            key: np.mean([getattr(getattr(part, name), key) for part in parts])
            for key in parts[0].image_to_text.__dataclass_fields__
        }
        assert vars_of(getattr(folded, name)) == pytest.approx(slow)


def test_fewer_pictures_than_a_fold_are_refused():
    with pytest.raises(TrainingError, match="fold"):
        folded_quality(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), (range(3), range(3)))
