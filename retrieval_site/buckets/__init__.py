"""Buckets of services that speak S3: how they are set."""
