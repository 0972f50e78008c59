"""The paired bootstrap against the same resampling written as a loop over pictures and their captions."""

import numpy as np
import pytest

from workers.training.errors import TrainingError
from workers.training.measures.bootstrap import NAMES, Difference, paired_bootstrap, paired_means
from workers.training.metrics import retrieval_ranks


def ranks_of(noise, pictures=40, seed=0, groups=None):
    """A model that finds less the more noise it has; the same pictures and captions for every one."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((pictures, 12))
    counts = rng.integers(1, 5, pictures)
    labels = np.arange(pictures) if groups is None else np.arange(pictures) % groups
    images = (truth + noise * rng.standard_normal(truth.shape)).astype(np.float32)
    captions = np.repeat(truth, counts, 0)
    captions = (captions + noise * rng.standard_normal(captions.shape)).astype(np.float32)
    return retrieval_ranks(images, captions, (labels, np.repeat(labels, counts)))


def slow_recalls(ranks, drawn):
    """The six recalls of the queries of these labels, a label as often as it was drawn."""
    recalls = []
    for places, labels in ((ranks.image_to_text, ranks.of_images), (ranks.text_to_image, ranks.of_captions)):
        found = [places.ranks[q] for label in drawn for q in range(len(labels)) if labels[q] == label]
        recalls += [100 * np.mean([rank <= k for rank in found]) for k in (1, 5, 10)]
    return np.array(recalls)


@pytest.mark.parametrize("groups", [None, 15])
def test_the_interval_is_that_of_the_slow_resampling(groups):
    good, bad = ranks_of(0.9, groups=groups), ranks_of(1.2, groups=groups)
    draws, units = 300, len(np.unique(good.of_images))
    rng = np.random.default_rng(0)
    slow = []
    for counts in rng.multinomial(units, np.full(units, 1 / units), size=draws):
        drawn = np.repeat(np.arange(units), counts)
        slow.append(slow_recalls(good, drawn) - slow_recalls(bad, drawn))
    slow = np.array(slow)
    found = paired_bootstrap(good, bad, draws=draws)
    assert found.units == units
    low, high = np.percentile(slow.sum(1), (2.5, 97.5))
    assert (found.sum_of_recalls.low, found.sum_of_recalls.high) == pytest.approx((low, high))
    for k, name in enumerate(NAMES):
        assert found.recalls[name].high == pytest.approx(np.percentile(slow[:, k], 97.5))
    everything = np.arange(units)
    observed = slow_recalls(good, everything) - slow_recalls(bad, everything)
    assert found.sum_of_recalls.value == pytest.approx(observed.sum())


def test_a_clear_difference_is_confirmed_one_way_and_refuted_the_other():
    good, bad = ranks_of(0.4, pictures=150), ranks_of(1.5, pictures=150)
    assert paired_bootstrap(good, bad).sum_of_recalls.verdict == "confirmed"
    back = paired_bootstrap(bad, good)
    assert back.sum_of_recalls.verdict == "refuted"
    assert back.sum_of_recalls.chance < 0.01
    assert back.to_json()["verdict"] == "refuted"


def test_a_model_against_itself_is_undecided():
    ranks = ranks_of(1.0)
    same = paired_bootstrap(ranks, ranks).sum_of_recalls
    assert (same.value, same.low, same.high, same.chance) == (0, 0, 0, 1)
    assert same.verdict == "undecided"
    assert same.within(1) == "confirmed"


def test_level_means_that_the_whole_interval_lies_within_the_stated_points():
    assert Difference(0, -4, 4, 1).within(5) == "confirmed"
    assert Difference(0, -6, 4, 1).within(5) == "undecided"
    assert Difference(9, 6, 12, 0).within(5) == "refuted"
    assert Difference(-9, -12, -6, 0).within(5) == "refuted"


def test_models_measured_on_different_queries_are_not_compared():
    with pytest.raises(TrainingError, match="same pictures"):
        paired_bootstrap(ranks_of(1.0), ranks_of(1.0, pictures=39))


def test_means_of_any_measures_are_compared_like_the_slow_resampling():
    rng = np.random.default_rng(1)
    first, second, draws = rng.random((30, 2)), rng.random((30, 2)), 400
    first[:, 1] = second[:, 1] + 0.5
    slow = []
    drawn = np.random.default_rng(0)
    for counts in drawn.multinomial(30, np.full(30, 1 / 30), size=draws):
        rows = np.repeat(np.arange(30), counts)
        slow.append(first[rows].mean(0) - second[rows].mean(0))
    found = paired_means(first, second, draws)
    for k, difference in enumerate(found):
        assert difference.value == pytest.approx(first[:, k].mean() - second[:, k].mean())
        assert (difference.low, difference.high) == pytest.approx(
            tuple(np.percentile(np.array(slow)[:, k], (2.5, 97.5)))
        )
    assert found[1].verdict == "confirmed"
    assert found[1].low == pytest.approx(0.5)


@pytest.mark.parametrize(("first", "second"), [((0, 2), (0, 2)), ((3, 2), (4, 2))])
def test_means_of_no_or_other_queries_are_refused(first, second):
    with pytest.raises(TrainingError, match="the same queries"):
        paired_means(np.zeros(first), np.zeros(second))
