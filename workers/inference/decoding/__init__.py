"""Pictures of strangers are decoded in processes of their own, which can be ended.

`pool.Decoders` is what a worker's threads share; a `lane` lends its processes (`crew`) and bounds their memory
(`budget`), one for quick pictures and one for slow ones; `child` runs in the sandboxed processes.
"""
