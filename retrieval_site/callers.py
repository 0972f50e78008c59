"""Where a request came from, behind as many proxies as the operator says."""

from __future__ import annotations


def caller_address(direct: str, forwarded: str, proxies: int) -> str:
    """Return the caller's address: the connection's, or what the outermost of `proxies` wrote into X-Forwarded-For.

    With 0 proxies nobody's claims are taken; with more, their entries alone, which are the last ones.
    """
    entries = [part.strip() for part in forwarded.split(",") if part.strip()] if proxies > 0 else []
    return entries[-min(proxies, len(entries))] if entries else direct
