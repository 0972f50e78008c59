"""The text in a query's photo: from the web process to a reader and back, behind the photo's vector.

`client` is the web process's side and the one door: `read_start`, then `read_found` or `read_wait`. `wire` is what both
sides say through Redis. On the query worker's side `answering` takes photos off their list, one a thread, has each
decoded by the worker's decoders and read by a sandboxed process (`workers/inference/ocr`). The same photo again is not
read twice.
"""
