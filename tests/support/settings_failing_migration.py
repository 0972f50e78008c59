"""The site's settings with a migration that fails in the place of one of Django's."""

from retrieval_site.settings import *  # noqa: F403

MIGRATION_MODULES = {"sessions": "tests.support.failing_migration"}
