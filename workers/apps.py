from django.apps import AppConfig

from retrieval_site.languages.lazy import gettext_lazy


class WorkersConfig(AppConfig):
    """Jobs, blobs, queues; the neural packages below this folder know no Django."""

    name = "workers"
    verbose_name = gettext_lazy("Jobs")

    def ready(self) -> None:
        """Tell of jobs in `/metrics`, and in `/readyz` of the bucket where blobs are in one."""
        from django.conf import settings

        from retrieval_site.health.gauges import gauges_register
        from workers.jobs.gauges import job_gauges

        gauges_register(job_gauges)
        if settings.CONFIG.blob_s3:
            from retrieval_site.health.checks import register
            from workers.storage.bucket import check_storage

            register("storage", check_storage)
