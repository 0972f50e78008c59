"""The vectors of what a search asks with move to its parts, of which there can be several."""

from __future__ import annotations

from django.db import migrations, models

FILL = """
    UPDATE search_querypart part SET embedding = query.embedding
    FROM search_query query WHERE query.id = part.query_id AND part.place = 0 AND query.embedding IS NOT NULL
"""
EMPTY = """
    UPDATE search_query query SET embedding = part.embedding
    FROM search_querypart part WHERE part.query_id = query.id AND part.place = 0 AND part.embedding IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("search", "0016_lexical")]

    operations = [
        migrations.AddField(
            "querypart",
            "embedding",
            models.BinaryField(
                blank=True,
                help_text="its vectors under the query's version, little-endian float32",
                null=True,
            ),
        ),
        migrations.RunSQL(FILL, EMPTY),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RemoveField("query", "embedding"),
    ]
