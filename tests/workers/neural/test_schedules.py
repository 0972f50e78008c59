import pytest

from workers.neural.schedules.cosine import CosineScheduleConfig
from workers.neural.schedules.step import StepScheduleConfig


def test_the_step_schedule_falls_at_whole_multiples_only():
    rate = StepScheduleConfig(every_epochs=15, factor=0.1).rate
    assert [rate(e, 30) for e in (0, 14.99, 15, 29.9)] == pytest.approx([1, 1, 0.1, 0.1])


def test_the_cosine_schedule_rises_then_falls_to_zero():
    rate = CosineScheduleConfig(warmup_epochs=1).rate
    assert 0 < rate(0, 10) < 0.02
    assert rate(1, 10) == pytest.approx(1)
    assert rate(5.5, 10) == pytest.approx(0.5)
    assert rate(10, 10) == pytest.approx(0, abs=1e-9)


def test_a_run_shorter_than_its_warm_up_divides_by_no_zero():
    assert CosineScheduleConfig(warmup_epochs=2).rate(1, 1) < 1
