"""The formats of strangers' files, read as streams and within bounds: texts, CSV, JSON, captions, zips.

Whoever reads such files reads them here: imports, bundles, the API's bodies and training. It knows no Django, and of
`workers` nothing else.
"""
