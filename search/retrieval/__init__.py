"""Searching, with one door: `search` asks anew, `search_again` with other filters, `reopen` reads what was kept."""

from search.retrieval.again import search_again
from search.retrieval.door import reopen, search

__all__ = ["reopen", "search", "search_again"]
