"""Addresses of the API end with a slash; without it they mean the same."""

from __future__ import annotations

from django.urls import Resolver404, resolve

API_PREFIX = "/api/"


def with_slash(path: str) -> str:
    """Return an address of the API with the slash that it lacks; any other path as it is."""
    if not path.startswith(API_PREFIX) or path.endswith("/") or _is_known(path):
        return path
    return f"{path}/" if _is_known(f"{path}/") else path


def _is_known(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
