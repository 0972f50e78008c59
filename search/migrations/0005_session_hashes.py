"""Replace stored session keys, each enough to act as that person, by their keyed hashes."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.utils.crypto import salted_hmac


def hash_sessions(apps: Any, _editor: Any) -> None:
    """Give every key its hash: the same rater stays the same rater.

    The hash is written out here, for a migration must go on doing what it did.
    """
    for name in ("Query", "Judgement"):
        rows = apps.get_model("search", name).objects.exclude(session="")
        for key in list(rows.order_by().values_list("session", flat=True).distinct()):
            rows.filter(session=key).update(session=salted_hmac("search.exports.rater", key).hexdigest())


def field(whose: str) -> models.CharField[str, str]:
    said = f"keyed hash of an anonymous {whose}'s session key (search/sessions.py)"
    return models.CharField(blank=True, default="", max_length=40, help_text=said)


class Migration(migrations.Migration):
    dependencies = [("search", "0004_api_token_name")]

    operations = [
        migrations.RunPython(hash_sessions, migrations.RunPython.noop),
        migrations.AlterField("query", "session", field("searcher")),
        migrations.AlterField("judgement", "session", field("rater")),
    ]
