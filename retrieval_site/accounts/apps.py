from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may sign in, and how."""

    name = "retrieval_site.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.AutoField"  # that of the table as Django made it
    verbose_name = "People"
