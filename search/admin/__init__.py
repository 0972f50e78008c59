from search.admin import collections, documents, evaluation, feedback, jobs, people, tokens

__all__ = ["collections", "documents", "evaluation", "feedback", "jobs", "people", "tokens"]
