"""An adapter learns what there is to learn from marks, and nothing where there is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.corpus import unit_rows
from workers.adapting.contrast import TEMPERATURE, batch_of, loss_and_slopes
from workers.adapting.descent import descend
from workers.adapting.examples import Examples, JudgedExample
from workers.adapting.learning import STEPS_IN_ALL, learn
from workers.adapting.measuring import ranks

DIM, UNITS = 24, 400
NOTHING = np.zeros((0, DIM), np.float32)


def draw(seed):
    return np.random.default_rng(seed)


def rotation(seed, angle=0.9):
    """An orthogonal map that turns every vector by about `angle`."""
    skew = draw(seed).normal(size=(DIM, DIM))
    values, vectors = np.linalg.eig(skew - skew.T)
    turned = vectors @ np.diag(np.exp(1j * angle * np.sign(values.imag))) @ np.linalg.inv(vectors)
    return turned.real.astype(np.float32)


def examples(count, *, turned=True, random_marks=False, asks="image", finds="text", seed=0):
    """Searches for one unit each, of which turned photos know nothing at first; pairs that are not turned."""
    units = unit_rows(draw(seed).normal(size=(UNITS, DIM)))
    chosen = draw(seed + 1).integers(UNITS, size=count)
    near = unit_rows(units[chosen] + 0.15 * draw(seed + 2).normal(size=(count, DIM)))
    queries = near @ rotation(seed) if turned else near
    if random_marks:
        chosen = draw(seed + 3).integers(UNITS, size=count)
    judged = [
        JudgedExample(query, units[own][None], units[[(own + 1) % UNITS, (own + 2) % UNITS]], asks, finds)
        for query, own in zip(queries, chosen, strict=True)
    ]
    return Examples(judged, NOTHING, NOTHING, {"image": units, "text": units})


def test_a_camera_that_turns_every_vector_is_learned():
    given = examples(150)
    calls = []
    found = learn(given, step_done=lambda: calls.append(1))
    assert (found.nothing, found.searches, len(calls)) == ("", 150, STEPS_IN_ALL)
    assert found.reciprocal_ranks[1] > found.reciprocal_ranks[0] + 0.2
    assert 0 < found.first_hits_gain.low < found.first_hits_gain.value < found.first_hits_gain.high
    assert set(found.maps) == {"image"}
    fresh = examples(300, seed=0)
    assert (ranks(fresh.judged, fresh.background, found.maps) == 1).mean() > 0.5 > 0.2
    before = (ranks(fresh.judged, fresh.background, {}) == 1).mean()
    assert (ranks(fresh.judged, fresh.background, found.maps) == 1).mean() > before + 0.2


@pytest.mark.parametrize("seed", range(3))
def test_random_marks_teach_nothing(seed):
    found = learn(examples(90, turned=False, random_marks=True, seed=10 * seed))
    assert (found.nothing, found.maps, found.share) == ("no_gain", {}, 0)


def test_marks_that_the_model_would_have_given_teach_nothing():
    found = learn(examples(60, turned=False))
    assert (found.nothing, found.maps) == ("no_gain", {})
    assert found.first_hits[1] >= found.first_hits[0] - 0.02


def test_too_few_searches_teach_nothing_however_often_the_same_was_asked():
    assert learn(examples(9)).nothing == "too_few"
    once = examples(1).judged[0]
    again = [JudgedExample(once.query, once.relevant, NOTHING, "image", "text", group="photo")] * 40
    found = learn(Examples(again, NOTHING, NOTHING, examples(1).background))
    assert (found.nothing, found.searches) == ("too_few", 1)
    assert learn(Examples([], NOTHING, NOTHING, {})).nothing == "too_few"


def test_the_same_examples_and_seed_give_the_same_map():
    maps = [learn(examples(60)).maps["image"] for _ in range(2)]
    assert np.array_equal(maps[0].weights, maps[1].weights)


def test_pairs_that_would_be_lost_hold_the_map_back():
    """Documents' own pictures are as good as can be; marks that deny it must not spoil them by much."""
    marks = examples(60)
    texts = marks.background["text"]
    pictures = unit_rows(texts + 0.05 * draw(5).normal(size=texts.shape))
    found = learn(Examples(marks.judged, pictures, texts, marks.background))
    assert found.pairs[1] >= found.pairs[0] - 0.01


def test_a_search_for_its_own_kind_moves_both_sides():
    given = examples(40, asks="image", finds="image")
    maps = descend(given.judged, [], given.background, 0, lambda: None)
    assert set(maps) == {"image"}
    alone = {"image": maps["image"]}
    assert (1 / ranks(given.judged, given.background, alone)).mean() > (
        1 / ranks(given.judged, given.background, {})
    ).mean()


@pytest.mark.parametrize(("asks", "finds"), [("image", "text"), ("image", "image"), ("image", "graded")])
def test_the_gradient_is_that_of_the_loss(asks, finds):
    judged = graded(np.array([1, 2 / 3], np.float32), 6) if finds == "graded" else []
    finds = "text" if judged else finds
    given = examples(6, asks=asks, finds=finds)
    batch = batch_of(judged or given.judged, given.background[finds][:30])
    batch = type(batch)(
        asks, finds, batch.queries.astype(float), batch.units.astype(float), batch.right, batch.counts
    )
    weights, bias = 0.1 * draw(1).normal(size=(DIM, DIM)), 0.1 * draw(2).normal(size=DIM)
    _, slopes = loss_and_slopes(batch, {"image": (weights, bias)})
    for place in [(0, 0), (3, 7), (DIM - 1, 2)]:
        step = np.zeros((DIM, DIM))
        step[place] = 1e-5
        above, below = (
            loss_and_slopes(batch, {"image": (weights + sign * step, bias)})[0] for sign in (1, -1)
        )
        assert slopes["image"].weights[place] == pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-5)


def graded(weights, count=60):
    """Searches with two right answers each, both turned away from what was asked, the same way for all of them."""
    queries = unit_rows(draw(7).normal(size=(count, DIM)))
    answers = [queries @ rotation(seed, 0.8) for seed in (8, 9)]
    return [
        JudgedExample(query, np.stack(right), NOTHING, "image", "text", weights=weights)
        for query, *right in zip(queries, *answers, strict=True)
    ]


def test_the_loss_of_graded_answers_is_its_formula_written_slowly():
    given = graded(np.array([1, 2 / 3], np.float32), 5)
    batch = batch_of(given, examples(1).background["text"][:20])
    losses = []
    for query, right, counts in zip(batch.queries, batch.right, batch.counts, strict=True):
        powers = [math.exp(float(query @ unit) / TEMPERATURE) for unit in batch.units]
        weighted = sum(power * weight for power, weight in zip(powers, right, strict=True))
        losses.append(-math.log(weighted / sum(np.array(powers)[counts])))
    assert batch.right.sum() == pytest.approx(5 * (1 + 2 / 3))
    assert loss_and_slopes(batch, {})[0] == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_better_of_two_right_answers_comes_first_and_the_other_before_what_is_wrong():
    others = {"text": examples(1).background["text"]}

    def scores(weights):
        given = graded(weights)
        moved = descend(given, [], others, 0, lambda: None)["image"]
        queries = moved.vectors(np.stack([one.query for one in given]))
        of_answers = np.einsum("nd,nkd->nk", queries, np.stack([one.relevant for one in given]))
        return of_answers.mean(0), (queries @ others["text"].T).mean()

    (best, less), wrong = scores(np.array([1, 2 / 3], np.float32))
    (as_right, as_right_too), _ = scores(None)
    assert best - less > as_right - as_right_too + 0.02
    assert best > less > wrong + 0.2


def test_twins_of_a_relevant_unit_count_neither_way_but_what_was_rejected_does():
    one = np.eye(1, DIM, dtype=np.float32)[0]
    twin = unit_rows((one + 0.1 * np.eye(1, DIM, 1, dtype=np.float32)[0])[None])
    example = JudgedExample(one, one[None], twin, "image", "text")
    batch = batch_of([example], np.concatenate([twin, -twin]))
    assert batch.counts.tolist() == [[True, True, False, True]]
    assert batch.right.tolist() == [[True, False, False, False]]
    assert ranks([example], {"text": np.concatenate([twin, -twin])}, {}).tolist() == [1]
