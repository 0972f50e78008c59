from search.admin import (
    audit,
    collections,
    documents,
    evaluation,
    feedback,
    invitations,
    jobs,
    monitoring,
    people,
    tokens,
    webhooks,
)

__all__ = [
    "audit",
    "collections",
    "documents",
    "evaluation",
    "feedback",
    "invitations",
    "jobs",
    "monitoring",
    "people",
    "tokens",
    "webhooks",
]
