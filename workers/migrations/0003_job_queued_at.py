from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("workers", "0002_job_rights")]

    operations = [
        migrations.AddField(
            "job",
            "queued_at",
            models.DateTimeField(db_default=Now(), help_text="since when it waits, where it does"),
        ),
    ]
