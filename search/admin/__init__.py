from search.admin import collections, documents, feedback, jobs, people, tokens

__all__ = ["collections", "documents", "feedback", "jobs", "people", "tokens"]
