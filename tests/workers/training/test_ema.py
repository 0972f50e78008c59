import pytest
import torch
from torch import nn

from workers.training.ema import WARM_UP_STEPS, Ema


def model_of(value):
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model


def set_to(model, value):
    with torch.no_grad():
        model.weight.fill_(value)


def test_the_mean_follows_the_formula_and_forgets_the_beginning_first():
    model = model_of(0.0)
    ema, expected = Ema(model, 0.9), 0.0
    for step in range(1, 200):
        set_to(model, float(step % 7))
        ema.update()
        decay = min(0.9, step / (step + WARM_UP_STEPS))
        expected = decay * expected + (1 - decay) * (step % 7)
    with ema.applied():
        assert model.weight.item() == pytest.approx(expected, abs=1e-4)
    assert model.weight.item() == 199 % 7


def test_measuring_leaves_weights_and_mean_as_they_were_even_when_it_fails():
    model = model_of(1.0)
    ema = Ema(model, 0.5)
    set_to(model, 5.0)
    try:
        with ema.applied():
            assert model.weight.item() == 1.0
            raise KeyError
    except KeyError:
        pass
    assert model.weight.item() == 5.0
    with ema.applied():
        assert model.weight.item() == 1.0


def test_what_is_frozen_is_not_kept_and_batch_norms_statistics_are():
    model = nn.Sequential(nn.Linear(1, 1).requires_grad_(False), nn.BatchNorm1d(1))
    ema = Ema(model, 0.5)
    kept = [value for name, value in ema.named_buffers() if name != "steps"]
    assert (
        len(kept) == 4
    )  # batch norm's weight, bias, running mean and variance; its counter is no number to ema


def test_the_mean_survives_a_checkpoint():
    model = model_of(2.0)
    ema = Ema(model, 0.5)
    set_to(model, 8.0)
    ema.update()
    other = Ema(model_of(0.0), 0.5)
    other.load_state_dict(ema.state_dict())
    assert [value.item() for value in other.buffers()] == [value.item() for value in ema.buffers()]


def test_no_decay_keeps_nothing_and_changes_nothing():
    model = model_of(3.0)
    ema = Ema(model, 0.0)
    ema.update()
    with ema.applied():
        assert model.weight.item() == 3.0
    assert not ema.state_dict()
