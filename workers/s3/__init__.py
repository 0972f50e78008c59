"""A small client of services that speak S3: `signing` proves who asks, `client` asks; `reading`, `writing` are files.

Sources of documents, blobs in a bucket and backups use it. The vendor's library would take 22 MiB more of each web
process, whose bound is 150; here are the seven requests that are needed, over urllib3, which is there anyway.
"""
