"""Indexes for searches that filter documents by tags or metadata."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("search", "0002_vector_extension")]
    operations = [
        migrations.AddIndex(
            model_name="document",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="document_tags"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["metadata"], name="document_metadata", opclasses=["jsonb_path_ops"]
            ),
        ),
    ]
