"""Documents that are nearly the same as others; and a change of one document is called as no class of the API is."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("search", "0029_query_listed")]

    operations = [
        migrations.RenameModel("DocumentChange", "ChangedDocument"),
        migrations.CreateModel(
            name="NearDuplicate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "document",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="near_duplicate",
                        to="search.document",
                    ),
                ),
                (
                    "same_as",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="search.document",
                    ),
                ),
            ],
        ),
    ]
