"""Watching an installation: recall of the index, its tables, drift of queries, and searches that find little."""
