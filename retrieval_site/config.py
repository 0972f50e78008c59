"""Typed settings from the environment: the one place where a variable's name and default stand."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from retrieval_site.accounts.config import LdapConfig, OidcConfig, read_ldap, read_oidc
from retrieval_site.branding.config import Branding, read_branding
from retrieval_site.buckets.config import BucketConfig, read_buckets
from retrieval_site.environment import PORT_MAX, Environment
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
    hsts_seconds: int
    hsts_subdomains: bool
    hsts_preload: bool
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
    low_confidence_alert: float
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


def _link(written: str) -> tuple[str, str]:
    """Return what a link says and where it leads; raises `ImproperlyConfigured` for anything but `Words=address`."""
    words, _, address = (part.strip() for part in written.partition("="))
    if not words or not re.fullmatch(r"(https?://|mailto:|/(?!/))\S+", address):
        raise ImproperlyConfigured(f"“{written}” of FOOTER_LINKS is not “words=https://…”.")
    return words, address


def _asking_with_pictures(env: Environment) -> dict[str, Any]:
    """Read the variables about pictures at an address, and parts of photos."""
    return {
        "picture_urls": env.flag("PICTURE_URLS", default=True),
        "picture_url_ports": env.ports("PICTURE_URL_PORTS", [80, 443]),
        "picture_url_networks": env.networks("PICTURE_URL_NETWORKS"),
        "picture_url_seconds": env.number("PICTURE_URL_SECONDS", 10.0, least=0.001),
        "upload_keep_seconds": env.integer("UPLOAD_KEEP_SECONDS", 900),
        "throttle_picture_urls": env.rate("THROTTLE_PICTURE_URLS", "30/minute"),
    }


def _reading_of_texts(env: Environment) -> dict[str, Any]:
    """Return the settings of reading the text in photos."""
    return {
        "read_text": env.flag("READ_TEXT", default=True),
        "read_text_seconds": env.number("READ_TEXT_SECONDS", 20.0, least=0.001),
        "read_text_processes": env.integer("READ_TEXT_PROCESSES", 1, least=1),
        "read_text_idle_seconds": env.number("READ_TEXT_IDLE_SECONDS", 300.0),
    }


def _sources(env: Environment) -> dict[str, Any]:
    """Return where sources of documents may lie."""
    return {
        "source_folders": [Path(folder) for folder in env.words("SOURCE_FOLDERS")],
        "source_ports": env.ports("SOURCE_PORTS", [80, 443]),
        "source_networks": env.networks("SOURCE_NETWORKS"),
        "source_s3_key_id": env.text("SOURCE_S3_KEY_ID"),
        "source_s3_secret": env.text("SOURCE_S3_SECRET"),
    }


def _mail(env: Environment) -> dict[str, Any]:
    """Return the server that sends mail, and how to sign in there."""
    return {
        "email_host": env.text("EMAIL_HOST"),
        "email_port": env.integer("EMAIL_PORT", 25, least=1, most=PORT_MAX),
        "email_host_user": env.text("EMAIL_HOST_USER"),
        "email_host_password": env.text("EMAIL_HOST_PASSWORD"),
        "email_use_tls": env.flag("EMAIL_USE_TLS"),
        "email_use_ssl": env.flag("EMAIL_USE_SSL"),
        "email_from": env.text("EMAIL_FROM", "sightline@localhost"),
    }


def _watching(env: Environment) -> dict[str, Any]:
    """Return what the index should reach, where webhooks may lead, and what a process says of itself, and how."""
    return {
        "alive_file": env.path("ALIVE_FILE"),
        "traces_endpoint": "" if env.flag("OTEL_SDK_DISABLED") else env.text("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "footer_text": env.text("FOOTER_TEXT"),
        "footer_links": [_link(written) for written in env.words("FOOTER_LINKS")],
        "default_language": env.choice("DEFAULT_LANGUAGE", list(LANGUAGE_NAMES), "en"),
        "log_format": env.choice("LOG_FORMAT", ("line", "json"), "line"),
        "recall_target": env.share("RECALL_TARGET", 0.95),
        "no_match_alert": env.share("NO_MATCH_ALERT", 0.3),
        "low_confidence_alert": env.share("LOW_CONFIDENCE_ALERT", 0.5),
        "webhook_ports": env.ports("WEBHOOK_PORTS", [80, 443]),
        "webhook_networks": env.networks("WEBHOOK_NETWORKS"),
    }


def _resumable_uploads(env: Environment) -> dict[str, Any]:
    """Return how much of unfinished uploads is kept, and for how long."""
    return {
        "upload_person_max_bytes": env.integer("UPLOAD_PERSON_MAX_BYTES", 16 * GIB),
        "upload_keep_hours": env.integer("UPLOAD_KEEP_HOURS", 48, least=1),
    }


def _records(env: Environment) -> dict[str, Any]:
    """Return for how long it is kept who did what."""
    return {
        "audit_keep_days": env.days("AUDIT_KEEP_DAYS", 730),
        "job_keep_days": env.days("JOB_KEEP_DAYS", 0),
        "rater_keep_days": env.days("RATER_KEEP_DAYS", 0),
    }


def _hub(env: Environment) -> dict[str, Any]:
    """Return where published models come from; the names that Hugging Face's own programs know count as well."""
    endpoint = env.text("HUB_ENDPOINT") or env.text("HF_ENDPOINT") or "https://huggingface.co"
    if not endpoint.startswith(("https://", "http://")):
        raise ImproperlyConfigured(f"HUB_ENDPOINT: “{endpoint}” is no address that begins with https://.")
    return {
        "hub_endpoint": endpoint.rstrip("/"),
        "hub_token": env.text("HUB_TOKEN") or env.text("HF_TOKEN"),
        "hub_cache": env.path("HUB_CACHE") or env.path("HF_HUB_CACHE"),
        "hub_offline": env.flag("HUB_OFFLINE", default=env.flag("HF_HUB_OFFLINE")),
        "hub_max_bytes": env.integer("HUB_MAX_BYTES", 8 * GIB),
        "hub_seconds": env.number("HUB_SECONDS", 3600.0, least=0.001),
        "hub_networks": env.networks("HUB_NETWORKS"),
    }


def _pictures(env: Environment, memory: int) -> dict[str, Any]:
    return {
        "picture_max_bytes": env.integer("PICTURE_MAX_BYTES", 20 * MIB, least=1),
        "picture_max_pixels": env.integer("PICTURE_MAX_PIXELS", 60_000_000, least=1),
        "picture_max_scans": env.integer("PICTURE_MAX_SCANS", 20, least=1),
        "picture_max_parts": env.integer("PICTURE_MAX_PARTS", 20_000, least=1),
        "picture_max_seconds": env.integer("PICTURE_MAX_SECONDS", 8, least=1),
        "picture_memory_bytes": env.integer("PICTURE_MEMORY_BYTES", 0) or max(256 * MIB, memory // 8),
        "picture_busy_seconds": env.number("PICTURE_BUSY_SECONDS", 10.0),
        "picture_processes": env.integer("PICTURE_PROCESSES", 0) or min(len(os.sched_getaffinity(0)), 8),
    }


def read_config(env: Environment | None = None) -> Config:
    """Read every variable once; a value of the wrong type raises `ImproperlyConfigured` naming it."""
    env = env or Environment()
    memory = memory_bytes()
    return Config(
        debug=env.flag("DEBUG"),
        secret_key=env.text("SECRET_KEY"),
        allowed_hosts=env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"]),
        csrf_trusted_origins=env.words("CSRF_TRUSTED_ORIGINS"),
        cors_origins=env.words("CORS_ORIGINS"),
        https=env.flag("HTTPS"),
        hsts_seconds=env.integer("HSTS_SECONDS", 31_536_000),
        hsts_subdomains=env.flag("HSTS_SUBDOMAINS"),
        hsts_preload=env.flag("HSTS_PRELOAD"),
        database_url=env.address("DATABASE_URL"),
        database_read_url=env.address("DATABASE_READ_URL"),
        database_read_delay_seconds=env.number("DATABASE_READ_DELAY_SECONDS", 10.0),
        vector_shards=env.addresses("VECTOR_SHARDS"),
        redis_url=env.address("REDIS_URL"),
        data_dir=env.path("DATA_DIR") or (BASE_DIR / "var").resolve(),
        static_dir=env.path("STATIC_DIR"),
        anonymous_search=env.flag("ANONYMOUS_SEARCH", default=True),
        keep_queries=env.flag("KEEP_QUERIES", default=True),
        **_pictures(env, memory),
        **_reading_of_texts(env),
        **_asking_with_pictures(env),
        **_sources(env),
        **read_buckets(env),
        **_hub(env),
        **_watching(env),
        **read_branding(env),
        **_resumable_uploads(env),
        import_max_bytes=env.integer("IMPORT_MAX_BYTES", 4 * GIB),
        bundle_max_bytes=env.integer("BUNDLE_MAX_BYTES", 2 * GIB),
        encode_timeout_seconds=env.number("ENCODE_TIMEOUT_SECONDS", 30.0, least=0.001),
        device=env.text("DEVICE", "auto"),
        encoder_memory_bytes=env.integer("ENCODER_MEMORY_BYTES", 4 * GIB, least=64 * MIB),
        site_url=env.text("SITE_URL").rstrip("/"),
        **_mail(env),
        photos_max_bytes=env.integer("PHOTOS_MAX_BYTES", 512 * MIB),
        photos_keep_days=env.days("PHOTOS_KEEP_DAYS", 30),
        query_keep_days=env.days("QUERY_KEEP_DAYS", 365),
        query_photo_keep_days=env.days("QUERY_PHOTO_KEEP_DAYS", 90),
        trash_keep_days=env.days("TRASH_KEEP_DAYS", 30),
        **_records(env),
        public_models=env.words("PUBLIC_MODELS"),
        throttle=env.flag("THROTTLE", default=True),
        throttle_anonymous=env.rate("THROTTLE_ANONYMOUS", "120/minute"),
        throttle_user=env.rate("THROTTLE_USER", "3000/minute"),
        trusted_proxies=env.integer("TRUSTED_PROXIES", 0),
        sign_in_failures=env.integer("SIGN_IN_FAILURES", 5),
        sign_in_failures_address=env.integer("SIGN_IN_FAILURES_ADDRESS", 50),
        sign_in_pause_seconds=env.integer("SIGN_IN_PAUSE_SECONDS", 900, least=1),
        second_factor_staff=env.flag("SECOND_FACTOR_STAFF"),
        oidc=read_oidc(env),
        ldap=read_ldap(env),
        job_memory_bytes=env.integer("JOB_MEMORY_BYTES", max(GIB, memory // 4), least=64 * MIB),
        query_memory_bytes=env.integer("QUERY_MEMORY_BYTES", max(2 * GIB, memory // 2), least=64 * MIB),
        web_memory_bytes=env.integer("WEB_MEMORY_BYTES", max(GIB, memory // 8), least=64 * MIB),
        allow_unwalled=env.flag("ALLOW_UNWALLED"),
    )
