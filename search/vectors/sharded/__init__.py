"""Vector tables over several PostgreSQL servers (`VECTOR_SHARDS`): docs/decisions/sharding.md says why and how.

A version's table is then the hash-partitioned parent of foreign tables of `postgres_fdw`, one a shard, each with an
index of its own. It keeps its name, so every statement by unit, document or collection stays as it is. What would be
slow or impossible across servers (creating, bulk writing, indexes, the search itself, what is missing) has its form
here, and the doors of `search/vectors` choose by `parts_of(table)`: none without the setting, which costs nothing then.
"""
