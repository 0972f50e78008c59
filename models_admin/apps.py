from django.apps import AppConfig


class ModelsAdminConfig(AppConfig):
    """The model registry."""

    name = "models_admin"
    verbose_name = "Models"
