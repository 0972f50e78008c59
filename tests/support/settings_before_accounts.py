"""The site's settings with Django's own user model, as they were before it had one."""

from retrieval_site.settings import *  # noqa: F403

AUTH_USER_MODEL = "auth.User"
