from django.apps import AppConfig


class ModelsAdminConfig(AppConfig):
    """The model registry."""

    name = "models_admin"
    verbose_name = "Models"

    def ready(self) -> None:
        """Answer what workers ask about versions."""
        from models_admin.for_workers import RegisteredVersions
        from workers.versions import versions_register

        versions_register(RegisteredVersions())
