from search.admin import collections, documents, feedback, people, tokens

__all__ = ["collections", "documents", "feedback", "people", "tokens"]
