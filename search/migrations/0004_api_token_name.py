from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("search", "0003_document_filters")]

    operations = [
        migrations.AlterModelOptions(
            name="apitoken", options={"ordering": ["-created_at"], "verbose_name": "API token"}
        )
    ]
