"""Each loss against the papers' formula written as plain loops."""

import math

import pytest
import torch

from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.losses.curriculum import CurriculumConfig
from workers.neural.losses.hardest import HardestConfig
from workers.neural.losses.max_hinge import MaxHingeConfig
from workers.neural.losses.sum_hinge import SumHingeConfig
from workers.neural.losses.triplet import TripletConfig


def both_ways(config, scores, same, epoch=0):
    """Pictures to captions and captions to pictures, as training adds them."""
    return config.loss(scores, same, epoch) + config.loss(scores.T, same.T, epoch)


def slow_hinges(scores, same, margin):
    """For each pair the hinge of every caption, and of every picture, that is a negative."""
    n = len(scores)
    captions, pictures = [], []
    for i in range(n):
        negatives = [k for k in range(n) if k != i and not same[i, k]]
        captions.append([max(0.0, margin - float(scores[i, i]) + float(scores[i, k])) for k in negatives])
        negatives = [k for k in range(n) if k != i and not same[k, i]]
        pictures.append([max(0.0, margin - float(scores[i, i]) + float(scores[k, i])) for k in negatives])
    return captions, pictures


@pytest.fixture(params=[0, 1, 2])
def batch(request):
    torch.manual_seed(request.param)
    groups = torch.randint(0, 5, (9,))
    return torch.randn(9, 9) * 0.3, groups[:, None] == groups


def test_sum_of_hinges_equals_the_slow_loop(batch):
    captions, pictures = slow_hinges(*batch, margin=0.2)
    expected = sum(map(sum, captions)) + sum(map(sum, pictures))
    assert both_ways(SumHingeConfig(margin=0.2), *batch).item() == pytest.approx(expected, rel=1e-5)


def test_max_of_hinges_equals_the_slow_loop(batch):
    captions, pictures = slow_hinges(*batch, margin=0.2)
    expected = sum(max(row, default=0) for row in captions) + sum(max(row, default=0) for row in pictures)
    assert both_ways(MaxHingeConfig(margin=0.2), *batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("config", [SumHingeConfig(), MaxHingeConfig()])
def test_captions_of_the_same_picture_are_never_negatives(config):
    scores = torch.tensor([[0.1, 0.9, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 0.9]])
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    apart = torch.eye(3, dtype=torch.bool)
    assert both_ways(config, scores, apart) > 1
    # What remains: the two weak pairs against the third caption and the third picture, 0.2 − 0.1 + 0.0 each.
    assert both_ways(config, scores, same).item() == pytest.approx(0.4, abs=1e-6)


def test_the_curriculum_sums_first_and_then_takes_the_hardest(batch):
    total, hardest = SumHingeConfig(margin=0.1), MaxHingeConfig(margin=0.1)
    curriculum = CurriculumConfig(first=total, then=hardest, first_epochs=2)
    assert curriculum.loss(*batch, epoch=1) == total.loss(*batch, epoch=1)
    assert curriculum.loss(*batch, epoch=2) == hardest.loss(*batch, epoch=2)
    assert total.loss(*batch, epoch=0) != hardest.loss(*batch, epoch=0)


def test_the_contrastive_loss_equals_the_slow_loop(batch):
    scores, same = batch
    expected = 0.0
    for i in range(len(scores)):
        captions = sum(math.exp(scores[i, k] / 0.1) for k in range(9) if k == i or not same[i, k])
        pictures = sum(math.exp(scores[k, i] / 0.1) for k in range(9) if k == i or not same[k, i])
        expected += math.log(captions) + math.log(pictures) - 2 * float(scores[i, i]) / 0.1
    assert both_ways(ContrastiveConfig(temperature=0.1), *batch).item() == pytest.approx(expected, rel=1e-5)


def test_the_hardest_negative_alone_gets_a_gradient():
    scores = torch.tensor([[0.5, 0.45, 0.4], [0.0, 0.9, 0.0], [0.0, 0.0, 0.9]], requires_grad=True)
    MaxHingeConfig(margin=0.2).loss(scores, torch.eye(3, dtype=torch.bool), 0).backward()
    assert scores.grad[0, 1] == 1
    assert scores.grad[0, 2] == 0


@pytest.mark.parametrize(
    "config",
    [
        SumHingeConfig(),
        MaxHingeConfig(),
        HardestConfig(count=2),
        TripletConfig(margin=0.2),
        ContrastiveConfig(),
    ],
)
def test_further_candidates_count_as_negatives_unless_they_are_right_too(config):
    scores = torch.tensor([[0.9, 0.1, 0.85], [0.1, 0.9, 0.85]])
    eye = torch.eye(2, 3, dtype=torch.bool)
    marked = eye | torch.tensor([False, False, True])
    assert config.loss(scores, eye, 0) > config.loss(scores, marked, 0)
    assert config.loss(scores, marked, 0).item() == pytest.approx(
        config.loss(scores[:, :2], eye[:, :2], 0).item()
    )


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_hardest_negatives_equal_the_slow_loop(batch, count, reduce):
    expected = 0.0
    for row in [row for way in slow_hinges(*batch, margin=0.2) for row in way]:
        hardest = sorted(row, reverse=True)[:count]
        expected += sum(hardest) / (min(count, 9) if reduce == "mean" else 1)
    config = HardestConfig(margin=0.2, count=count, reduce=reduce)
    assert both_ways(config, *batch).item() == pytest.approx(expected, rel=1e-5)


def slow_triplets(scores, same, margin, mining):
    """The mean over the triplets that the mining chooses, one direction."""
    far = [[math.sqrt(max(0.0, 2 - 2 * float(s))) for s in row] for row in scores]
    active = []
    for i, row in enumerate(far):
        for k, d in enumerate(row):
            hard, semi = d < row[i], row[i] < d < row[i] + margin
            asked = {"hard": hard, "semi-hard": semi, "hard-semi-hard": hard or semi}[mining]
            if k != i and not same[i, k] and asked:
                active.append(margin + row[i] - d)
    return sum(active) / max(1, len(active))


@pytest.mark.parametrize("mining", ["hard", "semi-hard", "hard-semi-hard"])
def test_mined_triplets_equal_the_slow_loop(batch, mining):
    scores, same = batch[0].clamp(-1, 1), batch[1]
    config = TripletConfig(margin=0.3, mining=mining)
    expected = slow_triplets(scores, same, 0.3, mining)
    assert expected > 0
    assert config.loss(scores, same, 0).item() == pytest.approx(expected, rel=1e-5)


def test_the_hardest_triplets_are_hinges_of_distances(batch):
    scores, same = batch[0].clamp(-1, 1), batch[1]
    far = -(2 - 2 * scores).sqrt()
    for count, reduce in ((1, "sum"), (4, "sum"), (4, "mean")):
        triplets = TripletConfig(margin=0.1, count=count, reduce=reduce).loss(scores, same, 0)
        hinges = HardestConfig(margin=0.1, count=count, reduce=reduce).loss(far, same, 0)
        assert triplets.item() == pytest.approx(hinges.item(), rel=1e-5)


@pytest.mark.parametrize(("above", "expected"), [("keep", 0.5), ("clamp", 0.1), ("drop", 0.04)])
def test_a_hard_triplet_counts_in_full_as_the_margin_or_not_at_all(above, expected):
    """One anchor: its own at distance 0.5, others at 0.1 (hard), 0.56 (semi-hard) and 1 (easy)."""
    far = torch.tensor([[0.5, 0.1, 0.56, 1.0]])
    scores = (1 - far**2 / 2).requires_grad_()
    same = torch.zeros(1, 4, dtype=torch.bool)
    loss = TripletConfig(margin=0.1, above_margin=above).loss(scores, same, 0)
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    loss.backward()
    taken = {"keep": 1, "clamp": None, "drop": 2}[above]
    assert [k for k in (1, 2, 3) if scores.grad[0, k]] == ([taken] if taken else [])


@pytest.mark.parametrize("mining", ["hard", "semi-hard", "hard-semi-hard", "hardest"])
def test_triplets_of_equal_vectors_have_finite_gradients(mining):
    scores = torch.ones(3, 3, requires_grad=True)
    TripletConfig(mining=mining).loss(scores, torch.zeros(3, 3, dtype=torch.bool), 0).backward()
    assert torch.isfinite(scores.grad).all()


def test_a_curriculum_by_validation_ends_its_first_stage_when_nothing_gets_better():
    fixed, waits = CurriculumConfig(first_epochs=2), CurriculumConfig(first_epochs=2, patience=2)
    bounded = CurriculumConfig(first_epochs=1, patience=5, first_at_most=3)
    assert [fixed.first_is_over([1.0] * n) for n in (1, 2)] == [False, True]
    assert [waits.first_is_over([5.0, 6.0, 4.0, 6.0][:n]) for n in (1, 2, 3, 4)] == [
        False,
        False,
        False,
        True,
    ]
    assert [bounded.first_is_over([1.0, 2.0, 3.0][:n]) for n in (1, 2, 3)] == [False, False, True]
