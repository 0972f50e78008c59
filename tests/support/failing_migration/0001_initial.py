# ruff: noqa: N999  (migrations are called so)
from django.db import migrations


class Migration(migrations.Migration):
    """Makes a table, and fails then."""

    operations = [migrations.RunSQL("CREATE TABLE of_tomorrow ()"), migrations.RunSQL("SELECT 1 / 0")]
