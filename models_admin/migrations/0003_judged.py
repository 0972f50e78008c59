from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("models_admin", "0002_vector_index")]

    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="judged",
            field=models.JSONField(blank=True, default=dict, help_text="what people's judgements say of it"),
        ),
    ]
