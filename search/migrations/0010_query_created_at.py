from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("search", "0009_query_warnings")]

    operations = [
        migrations.AddIndex(
            model_name="query", index=models.Index(fields=["created_at"], name="query_created_at")
        ),
    ]
