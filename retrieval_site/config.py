"""Typed settings from the environment: the one place where a variable's name and default stand."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from retrieval_site.accounts.config import LdapConfig, OidcConfig, read_ldap, read_oidc
from retrieval_site.branding.config import Branding, read_branding
from retrieval_site.buckets.config import BucketConfig, read_buckets
from retrieval_site.supervisor.memory import memory_bytes

BASE_DIR = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024
GIB = 1024 * MIB
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
"""What pages can be read in: code and own name."""


@dataclass(frozen=True)
class Config:
    """What an operator can set; README and docs/settings.md list it for people."""

    debug: bool
    secret_key: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    cors_origins: list[str]
    https: bool
    database_url: str
    database_read_url: str
    database_read_delay_seconds: float
    vector_shards: list[str]
    redis_url: str
    data_dir: Path
    static_dir: Path | None
    anonymous_search: bool
    keep_queries: bool
    picture_max_bytes: int
    picture_max_pixels: int
    picture_max_scans: int
    picture_max_parts: int
    picture_max_seconds: int
    picture_memory_bytes: int
    picture_busy_seconds: float
    picture_processes: int
    read_text: bool
    read_text_seconds: float
    read_text_processes: int
    read_text_idle_seconds: float
    picture_urls: bool
    picture_url_ports: list[int]
    picture_url_networks: list[str]
    picture_url_seconds: float
    source_folders: list[Path]
    source_ports: list[int]
    source_networks: list[str]
    recall_target: float
    no_match_alert: float
    alive_file: Path | None
    log_format: str
    traces_endpoint: str
    default_language: str
    site_name: str
    branding: Branding
    footer_text: str
    footer_links: list[tuple[str, str]]
    webhook_ports: list[int]
    webhook_networks: list[str]
    source_s3_key_id: str
    source_s3_secret: str
    blob_store: str
    blob_s3: BucketConfig | None
    blob_s3_signed_seconds: int
    backup_s3: BucketConfig
    upload_person_max_bytes: int
    upload_keep_hours: int
    import_max_bytes: int
    bundle_max_bytes: int
    hub_endpoint: str
    hub_token: str
    hub_cache: Path | None
    hub_offline: bool
    hub_max_bytes: int
    hub_seconds: float
    hub_networks: list[str]
    encode_timeout_seconds: float
    upload_keep_seconds: int
    device: str
    encoder_memory_bytes: int
    public_models: list[str]
    site_url: str
    email_host: str
    email_port: int
    email_host_user: str
    email_host_password: str
    email_use_tls: bool
    email_use_ssl: bool
    email_from: str
    photos_max_bytes: int
    photos_keep_days: int
    query_keep_days: int
    query_photo_keep_days: int
    trash_keep_days: int
    audit_keep_days: int
    job_keep_days: int
    rater_keep_days: int
    throttle: bool
    throttle_anonymous: str
    throttle_user: str
    throttle_picture_urls: str
    trusted_proxies: int
    job_memory_bytes: int
    sign_in_failures: int
    sign_in_failures_address: int
    sign_in_pause_seconds: int
    second_factor_staff: bool
    oidc: OidcConfig | None
    ldap: LdapConfig | None
    query_memory_bytes: int
    web_memory_bytes: int
    allow_unwalled: bool

    @property
    def sends_mail(self) -> bool:
        """Whether mail can be sent, with links that lead here."""
        return bool(self.email_host and self.site_url)

    @property
    def celery_url(self) -> str:
        """The same Redis in Celery's spelling: a socket is `redis+socket:///path?virtual_host=0`."""
        match = re.fullmatch(r"unix://(?P<path>[^?]+)(?:\?db=(?P<db>\d+))?", self.redis_url)
        if match is None:
            return self.redis_url
        return f"redis+socket://{match['path']}?virtual_host={match['db'] or 0}"


def _share(value: float, name: str) -> float:
    """Return a share between 0 and 1; raises `ImproperlyConfigured` for any other number."""
    if not 0 < value <= 1:
        raise ImproperlyConfigured(f"{name} is {value}, no share between 0 and 1.")
    return value


def _log_format(written: str) -> str:
    """Return `line` or `json`; raises `ImproperlyConfigured` for anything else."""
    if written not in ("line", "json"):
        raise ImproperlyConfigured(f"LOG_FORMAT is “{written}”, neither “line” nor “json”.")
    return written


def _language(written: str) -> str:
    """Return the code of a language that pages can be read in; raises `ImproperlyConfigured` for any other."""
    if written not in LANGUAGE_NAMES:
        known = ", ".join(LANGUAGE_NAMES)
        raise ImproperlyConfigured(f"DEFAULT_LANGUAGE is “{written}”, none of {known}.")
    return written


def _link(written: str) -> tuple[str, str]:
    """Return what a link says and where it leads; raises `ImproperlyConfigured` for anything but `Words=address`."""
    words, _, address = (part.strip() for part in written.partition("="))
    if not words or not re.fullmatch(r"(https?://|mailto:|/(?!/))\S+", address):
        raise ImproperlyConfigured(f"“{written}” of FOOTER_LINKS is not “words=https://…”.")
    return words, address


def _network(written: str) -> str:
    """Return an IP network; raises `ImproperlyConfigured` for anything else."""
    try:
        return str(ipaddress.ip_network(written))
    except ValueError as error:
        raise ImproperlyConfigured(f"“{written}” is no IP network.") from error


def _days(written: str) -> int:
    """Return a number of days, 0 for nothing; raises `ImproperlyConfigured` for anything else."""
    if not re.fullmatch(r"[0-9]{0,6}", written):
        raise ImproperlyConfigured(f"“{written}” is no number of days.")
    return int(written or 0)


def _asking_with_pictures(env: environ.Env) -> dict[str, Any]:
    """Read the variables about pictures at an address, and parts of photos."""
    return {
        "picture_urls": env.bool("PICTURE_URLS", default=True),
        "picture_url_ports": env.list("PICTURE_URL_PORTS", cast=int, default=[80, 443]),
        "picture_url_networks": env.list("PICTURE_URL_NETWORKS", cast=_network, default=[]),
        "picture_url_seconds": env.float("PICTURE_URL_SECONDS", default=10.0),
        "upload_keep_seconds": env.int("UPLOAD_KEEP_SECONDS", default=900),
        "throttle_picture_urls": env.str("THROTTLE_PICTURE_URLS", default="30/minute"),
    }


def _reading_of_texts(env: environ.Env) -> dict[str, Any]:
    """Return the settings of reading the text in photos."""
    return {
        "read_text": env.bool("READ_TEXT", default=True),
        "read_text_seconds": env.float("READ_TEXT_SECONDS", default=20.0),
        "read_text_processes": env.int("READ_TEXT_PROCESSES", default=1),
        "read_text_idle_seconds": env.float("READ_TEXT_IDLE_SECONDS", default=300.0),
    }


def _sources(env: environ.Env) -> dict[str, Any]:
    """Return where sources of documents may lie."""
    return {
        "source_folders": [Path(folder) for folder in env.list("SOURCE_FOLDERS", default=[])],
        "source_ports": env.list("SOURCE_PORTS", cast=int, default=[80, 443]),
        "source_networks": env.list("SOURCE_NETWORKS", cast=_network, default=[]),
        "source_s3_key_id": env.str("SOURCE_S3_KEY_ID", default=""),
        "source_s3_secret": env.str("SOURCE_S3_SECRET", default=""),
    }


def _mail(env: environ.Env) -> dict[str, Any]:
    """Return the server that sends mail, and how to sign in there."""
    return {
        "email_host": env.str("EMAIL_HOST", default=""),
        "email_port": env.int("EMAIL_PORT", default=25),
        "email_host_user": env.str("EMAIL_HOST_USER", default=""),
        "email_host_password": env.str("EMAIL_HOST_PASSWORD", default=""),
        "email_use_tls": env.bool("EMAIL_USE_TLS", default=False),
        "email_use_ssl": env.bool("EMAIL_USE_SSL", default=False),
        "email_from": env.str("EMAIL_FROM", default="sightline@localhost"),
    }


def _watching(env: environ.Env) -> dict[str, Any]:
    """Return what the index should reach, where webhooks may lead, and what a process says of itself, and how."""
    alive = env.str("ALIVE_FILE", default="")
    return {
        "alive_file": Path(alive) if alive else None,
        "traces_endpoint": ""
        if env.bool("OTEL_SDK_DISABLED", default=False)
        else env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default=""),
        "footer_text": env.str("FOOTER_TEXT", default=""),
        "footer_links": env.list("FOOTER_LINKS", cast=_link, default=[]),
        "default_language": _language(env.str("DEFAULT_LANGUAGE", default="en")),
        "log_format": _log_format(env.str("LOG_FORMAT", default="line")),
        "recall_target": _share(env.float("RECALL_TARGET", default=0.95), "RECALL_TARGET"),
        "no_match_alert": _share(env.float("NO_MATCH_ALERT", default=0.3), "NO_MATCH_ALERT"),
        "webhook_ports": env.list("WEBHOOK_PORTS", cast=int, default=[80, 443]),
        "webhook_networks": env.list("WEBHOOK_NETWORKS", cast=_network, default=[]),
    }


def _resumable_uploads(env: environ.Env) -> dict[str, Any]:
    """Return how much of unfinished uploads is kept, and for how long."""
    return {
        "upload_person_max_bytes": env.int("UPLOAD_PERSON_MAX_BYTES", default=16 * GIB),
        "upload_keep_hours": env.int("UPLOAD_KEEP_HOURS", default=48),
    }


def _records(env: environ.Env) -> dict[str, Any]:
    """Return for how long it is kept who did what."""
    return {
        "audit_keep_days": env.get_value("AUDIT_KEEP_DAYS", cast=_days, default=730),
        "job_keep_days": env.get_value("JOB_KEEP_DAYS", cast=_days, default=0),
        "rater_keep_days": env.get_value("RATER_KEEP_DAYS", cast=_days, default=0),
    }


def _hub(env: environ.Env) -> dict[str, Any]:
    """Return where published models come from; the names that Hugging Face's own programs know count as well."""
    cache = env.str("HUB_CACHE", default="") or env.str("HF_HUB_CACHE", default="")
    endpoint = (
        env.str("HUB_ENDPOINT", default="") or env.str("HF_ENDPOINT", default="") or "https://huggingface.co"
    )
    if not endpoint.startswith(("https://", "http://")):
        raise ImproperlyConfigured(f"HUB_ENDPOINT: “{endpoint}” is no address that begins with https://.")
    return {
        "hub_endpoint": endpoint.rstrip("/"),
        "hub_token": env.str("HUB_TOKEN", default="") or env.str("HF_TOKEN", default=""),
        "hub_cache": Path(cache).resolve() if cache else None,
        "hub_offline": env.bool("HUB_OFFLINE", default=env.bool("HF_HUB_OFFLINE", default=False)),
        "hub_max_bytes": env.int("HUB_MAX_BYTES", default=8 * GIB),
        "hub_seconds": env.float("HUB_SECONDS", default=3600.0),
        "hub_networks": env.list("HUB_NETWORKS", cast=_network, default=[]),
    }


def _pictures(env: environ.Env, memory: int) -> dict[str, Any]:
    return {
        "picture_max_bytes": env.int("PICTURE_MAX_BYTES", default=20 * MIB),
        "picture_max_pixels": env.int("PICTURE_MAX_PIXELS", default=60_000_000),
        "picture_max_scans": env.int("PICTURE_MAX_SCANS", default=20),
        "picture_max_parts": env.int("PICTURE_MAX_PARTS", default=20_000),
        "picture_max_seconds": env.int("PICTURE_MAX_SECONDS", default=8),
        "picture_memory_bytes": env.int("PICTURE_MEMORY_BYTES", default=0) or max(256 * MIB, memory // 8),
        "picture_busy_seconds": env.float("PICTURE_BUSY_SECONDS", default=10.0),
        "picture_processes": env.int("PICTURE_PROCESSES", default=0) or min(len(os.sched_getaffinity(0)), 8),
    }


def read_config() -> Config:
    """Read every variable once; a value of the wrong type raises `ImproperlyConfigured` naming it."""
    env = environ.Env()
    memory = memory_bytes()
    static = env.str("STATIC_DIR", default="")
    return Config(
        debug=env.bool("DEBUG", default=False),
        secret_key=env.str("SECRET_KEY", default=""),
        allowed_hosts=env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]),
        csrf_trusted_origins=env.list("CSRF_TRUSTED_ORIGINS", default=[]),
        cors_origins=env.list("CORS_ORIGINS", default=[]),
        https=env.bool("HTTPS", default=False),
        database_url=env.str("DATABASE_URL", default=""),
        database_read_url=env.str("DATABASE_READ_URL", default=""),
        database_read_delay_seconds=env.float("DATABASE_READ_DELAY_SECONDS", default=10.0),
        vector_shards=env.str("VECTOR_SHARDS", default="").split(),
        redis_url=env.str("REDIS_URL", default=""),
        data_dir=Path(env.str("DATA_DIR", default="") or BASE_DIR / "var").resolve(),
        static_dir=Path(static).resolve() if static else None,
        anonymous_search=env.bool("ANONYMOUS_SEARCH", default=True),
        keep_queries=env.bool("KEEP_QUERIES", default=True),
        **_pictures(env, memory),
        **_reading_of_texts(env),
        **_asking_with_pictures(env),
        **_sources(env),
        **read_buckets(env),
        **_hub(env),
        **_watching(env),
        **read_branding(env),
        **_resumable_uploads(env),
        import_max_bytes=env.int("IMPORT_MAX_BYTES", default=4 * GIB),
        bundle_max_bytes=env.int("BUNDLE_MAX_BYTES", default=2 * GIB),
        encode_timeout_seconds=env.float("ENCODE_TIMEOUT_SECONDS", default=30.0),
        device=env.str("DEVICE", default="auto"),
        encoder_memory_bytes=env.int("ENCODER_MEMORY_BYTES", default=4 * GIB),
        site_url=env.str("SITE_URL", default="").rstrip("/"),
        **_mail(env),
        photos_max_bytes=env.int("PHOTOS_MAX_BYTES", default=512 * MIB),
        photos_keep_days=env.get_value("PHOTOS_KEEP_DAYS", cast=_days, default=30),
        query_keep_days=env.get_value("QUERY_KEEP_DAYS", cast=_days, default=365),
        query_photo_keep_days=env.get_value("QUERY_PHOTO_KEEP_DAYS", cast=_days, default=90),
        trash_keep_days=env.get_value("TRASH_KEEP_DAYS", cast=_days, default=30),
        **_records(env),
        public_models=env.list("PUBLIC_MODELS", default=[]),
        throttle=env.bool("THROTTLE", default=True),
        throttle_anonymous=env.str("THROTTLE_ANONYMOUS", default="120/minute"),
        throttle_user=env.str("THROTTLE_USER", default="3000/minute"),
        trusted_proxies=env.int("TRUSTED_PROXIES", default=0),
        sign_in_failures=env.int("SIGN_IN_FAILURES", default=5),
        sign_in_failures_address=env.int("SIGN_IN_FAILURES_ADDRESS", default=50),
        sign_in_pause_seconds=env.int("SIGN_IN_PAUSE_SECONDS", default=900),
        second_factor_staff=env.bool("SECOND_FACTOR_STAFF", default=False),
        oidc=read_oidc(env),
        ldap=read_ldap(env),
        job_memory_bytes=env.int("JOB_MEMORY_BYTES", default=max(GIB, memory // 4)),
        query_memory_bytes=env.int("QUERY_MEMORY_BYTES", default=max(2 * GIB, memory // 2)),
        web_memory_bytes=env.int("WEB_MEMORY_BYTES", default=max(GIB, memory // 8)),
        allow_unwalled=env.bool("ALLOW_UNWALLED", default=False),
    )
