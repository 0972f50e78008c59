from __future__ import annotations

from typing import Any

from django.db import migrations, models


def mark_owned(apps: Any, _editor: Any) -> None:
    """Whose owner is known was started in that person's name."""
    apps.get_model("workers", "Job").objects.exclude(owner=None).update(owned=True)


class Migration(migrations.Migration):
    dependencies = [("workers", "0001_initial")]

    operations = [
        migrations.AddField(
            "job",
            "owned",
            models.BooleanField(
                default=False,
                help_text="started in a person's name: it goes on while that person may do it, and not without",
            ),
        ),
        migrations.AddField(
            "job",
            "token_id",
            models.BigIntegerField(
                blank=True, help_text="the API token that asked for it, which can be withdrawn", null=True
            ),
        ),
        migrations.RunPython(mark_owned, migrations.RunPython.noop),
    ]
