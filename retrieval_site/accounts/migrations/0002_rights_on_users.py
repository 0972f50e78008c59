from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import migrations

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def take_over(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Name users' content type as their model is named now: rights that groups have on users stay as they are."""
    kinds = apps.get_model("contenttypes", "ContentType").objects
    if not kinds.filter(app_label="accounts", model="user").exists():
        kinds.filter(app_label="auth", model="user").update(app_label="accounts")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("contenttypes", "0002_remove_content_type_name")]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
