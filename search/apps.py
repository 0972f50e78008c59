from django.apps import AppConfig


class SearchConfig(AppConfig):
    """Collections, documents, vectors, retrieval, judgements, the API and the pages."""

    name = "search"
    verbose_name = "Collections"
