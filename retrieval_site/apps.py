from django.apps import AppConfig


class RetrievalSiteConfig(AppConfig):
    """Settings, errors, boot checks, health and the supervisor."""

    name = "retrieval_site"

    def ready(self) -> None:
        """Register the boot checks."""
        from retrieval_site import checks  # noqa: F401  (registers on import)
