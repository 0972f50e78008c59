"""A small client of services that speak S3: `signing` proves who asks, `client` asks; `reading`, `writing` are files.

Blobs in a bucket and backups use it; sources of documents only sign by it, and ask through the walls of strangers'
addresses. The vendor's library would take 22 MiB more of each web process, whose bound is 150; here are the seven
requests that are needed, over urllib3, which is there anyway.
"""
