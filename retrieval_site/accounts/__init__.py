"""Signing in: by the organisation's provider (OpenID Connect), with a second factor, and a password by mail."""
