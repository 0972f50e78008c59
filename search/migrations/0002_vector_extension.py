"""The vector type of pgvector. Vector tables are made per model version by `search.vectors.tables`."""

from django.db import migrations
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial")]
    operations = [VectorExtension()]
