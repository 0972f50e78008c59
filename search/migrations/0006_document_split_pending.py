from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("search", "0005_session_hashes")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="split_pending",
            field=models.BooleanField(
                default=False, editable=False, help_text="a long text whose passages a job has yet to make"
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("split_pending", True)), fields=["id"], name="document_split_pending"
            ),
        ),
    ]
