"""Filters of a search: what a document must have to count. Each is declared once, in a file of its own.

`registry.py` lists them. The API takes from there what may be sent and its schema, the search its SQL, the pages
their words. docs/development.md shows in numbered steps how to add one.
"""
