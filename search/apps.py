from django.apps import AppConfig


class SearchConfig(AppConfig):
    """Collections, documents, vectors, retrieval, judgements, the API and the pages."""

    name = "search"
    verbose_name = "Collections"

    def ready(self) -> None:
        """Tell the registry who answers for vectors, and `/readyz` what searching needs."""
        from django.db.models.signals import post_migrate

        from models_admin.hooks import panel_register, vectors_register
        from search import checks  # noqa: F401  (registers the boot checks)
        from search.alerts.mail import mail_due
        from search.curating.trash import trash_to_end
        from search.indexing.added import tables_complete
        from search.indexing.hooks import SearchVectors, coverage_panel
        from search.job_types import CALIBRATE, EMPTY_TRASH, EXPIRE_QUERIES, FORGET_TABLES, MAIL_NEW
        from search.judged.panel import judged_panel
        from search.readiness import register_checks
        from search.relevance.fitting import calibrations_due
        from search.relevance.panel import calibration_panel
        from search.services.history import blobs_to_end
        from search.services.photo_batches import photo_batches_to_end
        from search.services.query_ages import queries_due
        from search.services.resumable_uploads import uploads_expire
        from search.services.sources import sources_start_due
        from search.services.table_uploads import table_looks_to_forget
        from search.side_by_side.register import evidence_register
        from search.thumbnails import thumbnails_delete
        from workers.jobs.daily import job_daily, job_scheduled
        from workers.storage.sweeping import removal_followed_by

        vectors_register(SearchVectors())
        evidence_register()
        panel_register(coverage_panel)
        panel_register(judged_panel)
        panel_register(calibration_panel)
        register_checks()
        removal_followed_by(thumbnails_delete)
        post_migrate.connect(tables_complete, sender=self)
        job_daily(EXPIRE_QUERIES, lambda: queries_due() or photo_batches_to_end().exists())
        job_daily(EMPTY_TRASH, lambda: trash_to_end().exists() or blobs_to_end().exists())
        job_daily(FORGET_TABLES, lambda: table_looks_to_forget().exists())
        job_daily(MAIL_NEW, mail_due)
        job_daily(CALIBRATE, calibrations_due)
        job_scheduled(sources_start_due)
        job_scheduled(uploads_expire)
