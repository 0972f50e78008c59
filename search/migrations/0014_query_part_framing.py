"""A photo of a kept search can be turned, and a part of it can be what counts."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("search", "0013_fields"),
        ("workers", "0002_job_rights"),
    ]

    operations = [
        migrations.AddField(
            model_name="querypart",
            name="crop",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.FloatField(),
                blank=True,
                help_text="left, top, width and height of the part that counts, as fractions of the turned photo",
                null=True,
                size=4,
            ),
        ),
        migrations.AddField(
            model_name="querypart",
            name="digest",
            field=models.CharField(
                blank=True,
                default="",
                help_text="SHA-256 of the photo's file, which is at hand for a while",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="querypart",
            name="turn",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="degrees by which the photo was turned clockwise"
            ),
        ),
        migrations.AlterField(
            model_name="querypart",
            name="preview",
            field=models.ForeignKey(
                blank=True,
                help_text="the query photo, small, without metadata, turned as it was asked with",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="workers.blob",
            ),
        ),
    ]
