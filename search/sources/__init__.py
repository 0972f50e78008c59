"""Sources: documents that are read again and again from where they live, and follow it.

The door is `round.py`: `run_round` takes one round of a source, as a job. What there is to read is a `SourceReader`'s
business (`types.py`): `folder.py` walks a folder, `oai_pmh.py` asks an OAI-PMH server (its records become documents in
`dublin_core.py`), `iiif.py` reads manifests and collections of IIIF Presentation 2 and 3 (`manifests.py`), `s3.py`
follows a bucket (signed by `s3_requests.py`, with the keys of `keys.py`). `options.py` says what can be set for each
kind, `fetching.py` asks other servers within bounds, `reports.py` counts. Sources are
made, changed and started by `search/services/sources.py`.
"""
