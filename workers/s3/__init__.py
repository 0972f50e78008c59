"""A small client of services that speak S3: `signing` proves who asks, `client` asks.

Sources of documents, blobs in a bucket and backups use it. The vendor's library would do the same with some 40 MiB
more in each web process (docs/operator.md has the measurement); here are the seven requests that are needed, over urllib3.
"""
