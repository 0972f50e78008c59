"""Files by their content: `blobs` stores and opens them, `sweeping` removes what nothing refers to any more.

`strays` removes files that have no row at all.
"""
