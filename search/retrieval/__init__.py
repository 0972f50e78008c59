"""Searching, with one door: `search` asks anew, `reopen` reads what was kept."""

from search.retrieval.door import reopen, search

__all__ = ["reopen", "search"]
