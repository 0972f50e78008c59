"""What the database needs beside PostgreSQL's own."""

EXTENSIONS = ("vector", "pg_trgm", "unaccent")
