"""Judgements become nobody's, or go: the rows, and their copies in the trash and in the history of merges."""

from __future__ import annotations

import secrets
from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import transaction

from search.models import Judgement
from search.services.judgement_choices import DRAWN
from search.services.judgement_copies import copies_rewrite

if TYPE_CHECKING:
    from search.services.judgement_choices import Chosen
    from search.services.judgement_copies import Raters

BATCH_ROWS = 1_000


def judgements_anonymise(chosen: Chosen) -> int:
    """Make judgements nobody's, without their comments; return how many, copies not counted.

    Those that were one person's, or said in one session, stay one rater's, under a name drawn at random that nothing
    else has: agreement between raters is still counted, and nobody can tell whose they were. Their copies get the same
    name, so that a merge that is taken back finds them.
    """
    raters: Raters = defaultdict(lambda: DRAWN + secrets.token_hex(19))
    done = 0
    while True:
        with transaction.atomic():
            rows = list(chosen.rows().order_by("pk").select_for_update(of=["self"])[:BATCH_ROWS])
            for row in rows:
                row.session, row.user_id, row.comment = raters[row.user_id, row.session], None, ""
            Judgement.objects.bulk_update(rows, ["session", "user", "comment"])
        done += len(rows)
        if len(rows) < BATCH_ROWS:
            break
    copies_rewrite(chosen, raters)
    return done


def judgements_delete(chosen: Chosen) -> int:
    """Delete judgements with their copies; return how many, copies not counted."""
    done = chosen.rows().delete()[0]
    copies_rewrite(chosen, None)
    return done
