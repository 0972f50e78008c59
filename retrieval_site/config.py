"""Typed settings from the environment: the one place where a variable's name and default stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024


@dataclass(frozen=True)
class Config:
    """What an operator can set; README and docs/operator.md list it for people."""

    debug: bool
    secret_key: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    https: bool
    database_url: str
    redis_url: str
    data_dir: Path
    anonymous_search: bool
    picture_max_bytes: int
    picture_max_pixels: int
    encode_timeout_seconds: float
    device: str
    throttle: bool
    throttle_anonymous: str
    throttle_user: str
    trusted_proxies: int
    allow_unwalled: bool

    @property
    def celery_url(self) -> str:
        """The same Redis in Celery's spelling: a socket is `redis+socket:///path?virtual_host=0`."""
        match = re.fullmatch(r"unix://(?P<path>[^?]+)(?:\?db=(?P<db>\d+))?", self.redis_url)
        if match is None:
            return self.redis_url
        return f"redis+socket://{match['path']}?virtual_host={match['db'] or 0}"


def read_config() -> Config:
    """Read every variable once; a value of the wrong type raises `ImproperlyConfigured` naming it."""
    env = environ.Env()
    return Config(
        debug=env.bool("DEBUG", default=False),
        secret_key=env.str("SECRET_KEY", default=""),
        allowed_hosts=env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]),
        csrf_trusted_origins=env.list("CSRF_TRUSTED_ORIGINS", default=[]),
        https=env.bool("HTTPS", default=False),
        database_url=env.str("DATABASE_URL", default=""),
        redis_url=env.str("REDIS_URL", default=""),
        data_dir=Path(env.str("DATA_DIR", default="") or BASE_DIR / "var").resolve(),
        anonymous_search=env.bool("ANONYMOUS_SEARCH", default=True),
        picture_max_bytes=env.int("PICTURE_MAX_BYTES", default=20 * MIB),
        picture_max_pixels=env.int("PICTURE_MAX_PIXELS", default=60_000_000),
        encode_timeout_seconds=env.float("ENCODE_TIMEOUT_SECONDS", default=30.0),
        device=env.str("DEVICE", default="auto"),
        throttle=env.bool("THROTTLE", default=True),
        throttle_anonymous=env.str("THROTTLE_ANONYMOUS", default="120/minute"),
        throttle_user=env.str("THROTTLE_USER", default="3000/minute"),
        trusted_proxies=env.int("TRUSTED_PROXIES", default=0),
        allow_unwalled=env.bool("ALLOW_UNWALLED", default=False),
    )
