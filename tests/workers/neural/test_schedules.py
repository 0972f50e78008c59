import pytest

from workers.neural.schedules.cosine import CosineScheduleConfig
from workers.neural.schedules.step import StepScheduleConfig


def test_the_step_schedule_falls_at_whole_multiples_only():
    factor = StepScheduleConfig(every_epochs=15, factor=0.1).lr_factor
    assert [factor(e, 30) for e in (0, 14.99, 15, 29.9)] == pytest.approx([1, 1, 0.1, 0.1])


def test_the_cosine_schedule_rises_then_falls_to_zero():
    factor = CosineScheduleConfig(warmup_epochs=1).lr_factor
    assert 0 < factor(0, 10) < 0.02
    assert factor(1, 10) == pytest.approx(1)
    assert factor(5.5, 10) == pytest.approx(0.5)
    assert factor(10, 10) == pytest.approx(0, abs=1e-9)


def test_a_run_shorter_than_its_warm_up_divides_by_no_zero():
    assert CosineScheduleConfig(warmup_epochs=2).lr_factor(1, 1) < 1
