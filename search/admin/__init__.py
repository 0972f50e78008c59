from search.admin import collections, documents, feedback, tokens

__all__ = ["collections", "documents", "feedback", "tokens"]
