"""From a search to an encoder and back: how the web process has pictures and texts encoded by query workers.

`client` is the web process's side: it asks. `wire` is what both sides say: key names, the form of a question and of its
answer. On the worker's side `worker` makes a Celery worker a query worker, `questions` takes what was asked,
`answering` answers it with the encoders of `pool` and the picture processes of `decoders`; `versions` is where the
registry plugs itself in. No web process imports the worker's side.
"""
