"""Fields of collections and their values, which filters and facets read; how a kept search is sorted."""

import django.db.models.deletion
from django.db import migrations, models

from search.services.fields import field_values_write, fields_count

BATCH = 1000


def fill(apps, schema_editor):
    """Write the values of every document, by the code that writes them from now on."""
    documents = apps.get_model("search", "Document").objects.order_by("pk")
    for collection in apps.get_model("search", "Collection").objects.values_list("pk", flat=True):
        rows, after = documents.filter(collection=collection).values_list("pk", "tags", "metadata"), 0
        while batch := list(rows.filter(pk__gt=after)[:BATCH]):
            field_values_write(collection_id=collection, documents=batch)
            after = batch[-1][0]
    fields_count()


class Migration(migrations.Migration):
    dependencies = [
        ("search", "0012_saved_search"),
        ("workers", "0002_job_rights"),
    ]

    operations = [
        migrations.CreateModel(
            name="CollectionField",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("string", "string"),
                            ("number", "number"),
                            ("date", "date"),
                            ("boolean", "boolean"),
                        ],
                        max_length=10,
                    ),
                ),
                ("documents", models.PositiveIntegerField(default=0)),
                ("distinct_values", models.PositiveIntegerField(default=0)),
                ("stale", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["collection_id", "name"],
            },
        ),
        migrations.CreateModel(
            name="FieldValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.CharField(max_length=200)),
                ("number", models.FloatField(blank=True, null=True)),
                ("moment", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="query",
            name="sort",
            field=models.CharField(default="relevance", max_length=210),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["created_at", "id"], name="document_created_at"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["updated_at", "id"], name="document_updated_at"),
        ),
        migrations.AddField(
            model_name="collectionfield",
            name="collection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="fields", to="search.collection"
            ),
        ),
        migrations.AddField(
            model_name="fieldvalue",
            name="document",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="field_values",
                to="search.document",
            ),
        ),
        migrations.AddField(
            model_name="fieldvalue",
            name="field",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="values",
                to="search.collectionfield",
            ),
        ),
        migrations.AddConstraint(
            model_name="collectionfield",
            constraint=models.UniqueConstraint(fields=("collection", "name"), name="collection_field_once"),
        ),
        migrations.AddIndex(
            model_name="fieldvalue",
            index=models.Index(fields=["field", "value", "document"], name="field_value_documents"),
        ),
        migrations.AddIndex(
            model_name="fieldvalue",
            index=models.Index(
                condition=models.Q(("number__isnull", False)),
                fields=["field", "number", "document"],
                name="field_value_numbers",
            ),
        ),
        migrations.AddIndex(
            model_name="fieldvalue",
            index=models.Index(
                condition=models.Q(("moment__isnull", False)),
                fields=["field", "moment", "document"],
                name="field_value_moments",
            ),
        ),
        migrations.AddConstraint(
            model_name="fieldvalue",
            constraint=models.UniqueConstraint(
                fields=("document", "field", "value"), name="field_value_once"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
