from django.apps import AppConfig

from retrieval_site.languages.lazy import gettext_lazy


class ModelsAdminConfig(AppConfig):
    """The model registry."""

    name = "models_admin"
    verbose_name = gettext_lazy("Models")

    def ready(self) -> None:
        """Answer what workers ask about versions, and look after versions whose job ended without its handler."""
        from models_admin.for_workers import RegisteredVersions
        from models_admin.gauges import registry_gauges
        from models_admin.job_ends import (
            getting_ended,
            learning_ended,
            making_ended,
            preparation_ended,
            validation_ended,
        )
        from models_admin.job_types import GET_MODEL, LEARN, MAKE_STARTER, PREPARE, VALIDATE
        from retrieval_site.health.gauges import gauges_register
        from workers.encoding.versions import versions_register
        from workers.jobs.ends import job_end_register

        versions_register(RegisteredVersions())
        gauges_register(registry_gauges)
        job_end_register(VALIDATE, validation_ended)
        job_end_register(PREPARE, preparation_ended)
        job_end_register(LEARN, learning_ended)
        job_end_register(GET_MODEL, getting_ended)
        job_end_register(MAKE_STARTER, making_ended)
