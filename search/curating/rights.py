"""Who may make a collection."""

from __future__ import annotations

from typing import Any


def may_make_collections(user: Any) -> bool:
    """Return whether somebody may make a collection: staff, as in the admin, and whom the permission was given."""
    if not user.is_authenticated or not user.is_active:
        return False
    return bool(user.is_staff or user.has_perm("search.add_collection"))
