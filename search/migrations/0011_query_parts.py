"""What a search asks with moves from the query's columns into rows of its own."""

from __future__ import annotations

import uuid

import django.db.models.deletion
from django.db import migrations, models

FILL = """
    INSERT INTO search_querypart (id, query_id, place, modality, weight, text, document_id, preview_id)
    SELECT gen_random_uuid(), id, 0, modality, 1.0, text, document_id, preview_id FROM search_query
"""
EMPTY = """
    UPDATE search_query query
    SET modality = part.modality, text = part.text, document_id = part.document_id, preview_id = part.preview_id
    FROM search_querypart part WHERE part.query_id = query.id AND part.place = 0
"""


class Migration(migrations.Migration):
    dependencies = [("search", "0010_query_created_at"), ("workers", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="QueryPart",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("place", models.PositiveSmallIntegerField(default=0)),
                (
                    "modality",
                    models.CharField(max_length=10, help_text="image, text, document or embedding"),
                ),
                ("weight", models.FloatField(default=1.0)),
                ("text", models.TextField(blank=True, default="")),
                (
                    "document",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="search.document",
                    ),
                ),
                (
                    "preview",
                    models.ForeignKey(
                        blank=True,
                        help_text="the query photo, small, without metadata",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="workers.blob",
                    ),
                ),
                (
                    "query",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="search.query",
                    ),
                ),
            ],
            options={"ordering": ["place"]},
        ),
        migrations.AddConstraint(
            model_name="querypart",
            constraint=models.UniqueConstraint(fields=("query", "place"), name="query_part_place"),
        ),
        # Whoever goes back gets the column again before it can be filled.
        migrations.AlterField("query", "modality", models.CharField(max_length=10, default="")),
        migrations.RunSQL(FILL, EMPTY),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RemoveField("query", "modality"),
        migrations.RemoveField("query", "text"),
        migrations.RemoveField("query", "document"),
        migrations.RemoveField("query", "preview"),
    ]
