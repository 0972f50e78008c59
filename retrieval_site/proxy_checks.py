"""What `manage.py check --deploy` says of a server behind a proxy with HTTPS: settings that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.http.request import split_domain_port, validate_host

from retrieval_site.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.apps import AppConfig

LOCAL = ("localhost", "127.0.0.1", "[::1]")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  (compared, not listened on)


@register(Tags.security, deploy=True)
def the_proxy_and_https_go_together(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn of what a server with HTTPS, or behind a proxy, lacks."""
    return [*_of_https(), *_of_proxies()]


def _of_https() -> Iterator[CheckMessage]:
    config = settings.CONFIG
    if not config.https:
        return
    if not config.trusted_proxies:
        yield CheckWarning(
            "HTTPS=1 without TRUSTED_PROXIES: all callers have the proxy's address, and share one throttle.",
            hint="Set TRUSTED_PROXIES to the number of proxies before the server, usually 1.",
            id="sightline.W001",
        )
    if set(config.allowed_hosts) <= set(LOCAL):
        yield CheckWarning(
            "HTTPS=1, and ALLOWED_HOSTS has no name but those of this machine: others get 400.",
            hint="ALLOWED_HOSTS=sightline.example",
            id="sightline.W002",
        )
    site = urlsplit(config.site_url)
    if site.scheme != "https":
        yield CheckWarning(
            f"HTTPS=1, and SITE_URL is {config.site_url or 'not set'}: links in messages do not lead here.",
            hint="SITE_URL=https://sightline.example",
            id="sightline.W003",
        )
    elif not validate_host(split_domain_port(site.netloc)[0], config.allowed_hosts):
        yield CheckWarning(
            f"SITE_URL is {config.site_url}, whose name is missing from ALLOWED_HOSTS: its pages answer 400.",
            hint=f"ALLOWED_HOSTS={site.hostname}",
            id="sightline.W004",
        )


def _of_proxies() -> Iterator[CheckMessage]:
    host = Environment().text("HOST")
    if settings.CONFIG.trusted_proxies and host in EVERY_ADDRESS:
        yield CheckWarning(
            f"TRUSTED_PROXIES is set, and HOST={host} listens on every address: whoever reaches the port without "
            "the proxy chooses an address for X-Forwarded-For.",
            hint="HOST=127.0.0.1 where the proxy is on this machine; else let only the proxy reach the port.",
            id="sightline.W005",
        )
