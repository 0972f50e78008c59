from __future__ import annotations

from retrieval_site.web.pace import Pace


def test_a_share_of_bytes_begins_the_next_period_and_less_does_not() -> None:
    pace = Pace(10, 100, began_at=0.0)
    assert not pace.overdue(9.0)
    pace.note(999)
    assert pace.overdue(11.0)
    pace.note(1)
    assert pace.began_at > 11.0
    assert pace.moved_bytes == 0


def test_what_was_moved_before_is_no_credit_for_later() -> None:
    pace = Pace(10, 100)
    pace.note(1_000_000)
    assert pace.overdue(pace.began_at + 11)
