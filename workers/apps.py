from django.apps import AppConfig

from retrieval_site.languages.lazy import gettext_lazy


class WorkersConfig(AppConfig):
    """Jobs, blobs, queues; the neural packages below this folder know no Django."""

    name = "workers"
    verbose_name = gettext_lazy("Jobs")

    def ready(self) -> None:
        """Tell of jobs in `/metrics`."""
        from retrieval_site.health.gauges import gauges_register
        from workers.jobs.gauges import job_gauges

        gauges_register(job_gauges)
