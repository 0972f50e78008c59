from search.admin import (
    collections,
    documents,
    evaluation,
    feedback,
    jobs,
    monitoring,
    people,
    tokens,
    webhooks,
)

__all__ = [
    "collections",
    "documents",
    "evaluation",
    "feedback",
    "jobs",
    "monitoring",
    "people",
    "tokens",
    "webhooks",
]
