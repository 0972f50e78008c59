from search.admin import (
    announcements,
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
    "announcements",
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
