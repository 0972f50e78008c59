from django.apps import AppConfig

from retrieval_site.languages.lazy import gettext_lazy


class SearchConfig(AppConfig):
    """Collections, documents, vectors, retrieval, judgements, the API and the pages."""

    name = "search"
    verbose_name = gettext_lazy("Collections")

    def ready(self) -> None:
        """Tell the registry who answers for vectors, and `/readyz` what searching needs."""
        from django.db.models.signals import post_migrate

        from models_admin.hooks import panel_register, vectors_register, viewer_panel_register
        from retrieval_site.accounts.invited import invited_register
        from retrieval_site.audit import audit_keeper_register
        from retrieval_site.events import listener_register
        from retrieval_site.health.gauges import gauges_register
        from search import checks  # noqa: F401  (registers the boot checks)
        from search.adapting.panel import learning_panel
        from search.indexing.added import tables_complete
        from search.indexing.hooks import SearchVectors, coverage_panel
        from search.invited import invited_by_link
        from search.judged.panel import judged_panel
        from search.monitoring.gauges import health_gauges
        from search.readiness import register_checks
        from search.relevance.panel import calibration_panel
        from search.sample_questions import sample_answer, sample_questions
        from search.services.audit import audit_keep
        from search.side_by_side.register import evidence_register
        from search.thumbnails import THUMBNAIL_FOLDERS, thumbnails_delete
        from search.webhooks.listening import webhooks_hear
        from workers.backup.answers import SampleAsker, asker_register
        from workers.storage.sweeping import removal_followed_by

        vectors_register(SearchVectors())
        evidence_register()
        panel_register(coverage_panel)
        panel_register(learning_panel)
        panel_register(judged_panel)
        viewer_panel_register(calibration_panel)
        register_checks()
        gauges_register(health_gauges)
        listener_register(webhooks_hear)
        audit_keeper_register(audit_keep)
        invited_register(invited_by_link)
        removal_followed_by(thumbnails_delete, THUMBNAIL_FOLDERS)
        asker_register("search", SampleAsker(sample_questions, sample_answer))
        post_migrate.connect(tables_complete, sender=self)
        _schedule()


def _schedule() -> None:
    """Say which jobs are started once a day, or by schedules of their own."""
    from search.alerts.mail import mail_due
    from search.curating.trash import trash_to_end
    from search.indexing.again import encode_again
    from search.job_types import (
        CALIBRATE,
        EMPTY_TRASH,
        EXPIRE_QUERIES,
        EXPIRE_RECORDS,
        FORGET_TABLES,
        MAIL_NEW,
        MONITOR,
        SWEEP_FILES,
    )
    from search.monitoring.measure import monitoring_due
    from search.relevance.fitting import calibrations_due, calibrations_renew
    from search.services.history import blobs_to_end
    from search.services.photo_batches import photo_batches_to_end
    from search.services.query_ages import queries_due
    from search.services.record_ages import records_due
    from search.services.resumable_uploads import uploads_expire, uploads_left
    from search.services.sources import sources_start_due
    from search.services.table_uploads import table_looks_to_forget
    from search.webhooks.listening import webhooks_start_due
    from workers.jobs.daily import job_daily, job_scheduled
    from workers.storage.sweeping import sweep_is_due

    job_daily(EXPIRE_QUERIES, lambda: queries_due() or photo_batches_to_end().exists())
    job_daily(EXPIRE_RECORDS, records_due)
    job_daily(EMPTY_TRASH, lambda: trash_to_end().exists() or blobs_to_end().exists())
    job_daily(FORGET_TABLES, lambda: table_looks_to_forget().exists())
    job_daily(SWEEP_FILES, lambda: sweep_is_due() or next(uploads_left(), None) is not None)
    job_daily(MAIL_NEW, mail_due)
    job_daily(CALIBRATE, calibrations_due)
    job_daily(MONITOR, monitoring_due)
    job_scheduled(calibrations_renew)
    job_scheduled(encode_again)
    job_scheduled(sources_start_due)
    job_scheduled(uploads_expire)
    job_scheduled(webhooks_start_due)
