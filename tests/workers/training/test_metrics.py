"""The chunked measures against a slow oracle that sorts every list and counts."""

import numpy as np
import pytest

from workers.training import metrics
from workers.training.metrics import cosine_scores, order_scores, retrieval_quality


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slow_direction(scores, query_labels, target_labels):
    """Every query's list, sorted with wrong items before right ones of the same score."""
    ranks, found = [], {1: [], 3: []}
    for row, label in zip(scores, query_labels, strict=True):
        order = sorted(range(len(row)), key=lambda k: (-row[k], target_labels[k] == label))
        hits = [target_labels[k] == label for k in order]
        ranks.append(hits.index(True) + 1)
        for k in found:
            found[k].append(sum(hits[:k]) / k)
    ranks = np.array(ranks)
    recall = {k: 100 * np.mean(ranks <= k) for k in (1, 5, 10)}
    return {
        "queries": len(ranks), "r1": recall[1], "r5": recall[5], "r10": recall[10],
        "p1": 100 * np.mean(found[1]), "p3": 100 * np.mean(found[3]),
        "median_rank": np.median(ranks), "mean_rank": np.mean(ranks),
    }  # fmt: skip


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
