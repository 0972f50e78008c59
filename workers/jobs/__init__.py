"""Long work as rows: what a job is allowed, how it runs, resumes, ends, and what sees that none is lost.

`registry` knows the types, `services` makes, pauses, cancels and retries jobs, `enqueue` sends them. `task` is the
Celery edge; behind it `apart` gives each job a process of its own, where `runner` runs it with a `context`; `sweeper`
and `lease` find those that were left.
"""
