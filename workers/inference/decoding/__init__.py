"""Pictures of strangers are decoded in processes of their own, which can be ended.

`pool.Decoders` is what a worker's threads share; `child` runs in the sandboxed processes; `budget` bounds the memory
of all that is being decoded at once.
"""
