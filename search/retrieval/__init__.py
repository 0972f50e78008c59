"""Searching, with one door: `search` asks anew, `search_again` and `search_by_marks` ask a kept search again, and
`reopen` reads what was kept.
"""

from search.retrieval.again import search_again, search_by_marks
from search.retrieval.door import reopen, search

__all__ = ["reopen", "search", "search_again", "search_by_marks"]
