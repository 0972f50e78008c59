from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("models_admin", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="vector_index",
            field=models.CharField(
                choices=[
                    ("hnsw", "an HNSW index of the vectors"),
                    ("binary", "a binary index of the vectors' signs"),
                    ("exact", "no index"),
                ],
                default="hnsw",
                max_length=10,
            ),
        ),
    ]
