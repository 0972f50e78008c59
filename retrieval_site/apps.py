from django.apps import AppConfig


class RetrievalSiteConfig(AppConfig):
    """Settings, errors, boot checks, health and the supervisor."""

    name = "retrieval_site"

    def ready(self) -> None:
        """Register the boot checks, and what the database says of itself."""
        from retrieval_site.languages.names import names_translate

        names_translate()
        from retrieval_site import checks, proxy_checks  # noqa: F401  (register on import)
        from retrieval_site.database.replica import replica_gauges
        from retrieval_site.health.database import database_gauges
        from retrieval_site.health.gauges import gauges_register

        gauges_register(database_gauges)
        gauges_register(replica_gauges)
