from search.admin import collections, documents, feedback, jobs, monitoring, people, tokens, webhooks

__all__ = ["collections", "documents", "feedback", "jobs", "monitoring", "people", "tokens", "webhooks"]
