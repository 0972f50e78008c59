from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may sign in, and how."""

    name = "retrieval_site.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.AutoField"  # that of the table as Django made it
    verbose_name = "People"

    def ready(self) -> None:
        """Have each sign-in fix its session's end."""
        from retrieval_site.accounts import session_age  # noqa: F401  (registers on import)
