from django.apps import AppConfig


class WorkersConfig(AppConfig):
    """Jobs, blobs, queues; the neural packages below this folder know no Django."""

    name = "workers"
    verbose_name = "Jobs"
