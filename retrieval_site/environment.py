"""Environment variables as settings: what a number, a yes and a list are, for every variable alike."""

from __future__ import annotations

import ipaddress
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from retrieval_site.rates import parse_rate
from retrieval_site.yes_no import DAYS_MAX, NO, YES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PORT_MAX = 65_535


@dataclass(frozen=True)
class Environment:
    """Reads variables by type; one that is empty counts as not set.

    A value of the wrong type raises `ImproperlyConfigured` naming the variable. Values are taken as they are written:
    a `$` in a password means nothing. No message quotes a text, which may be a secret.
    """

    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def text(self, name: str, default: str = "") -> str:
        """Return the value as it is written."""
        return self.variables.get(name) or default

    def address(self, name: str) -> str:
        """Return an address such as `postgresql://user:password@host/name`, whose parts can be told apart."""
        return _address(name, self.text(name))

    def addresses(self, name: str) -> list[str]:
        """Return addresses that stand between blanks."""
        return [_address(name, word) for word in self.text(name).split()]

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a yes or no, written `1` or `0`, or as one of the words that mean them."""
        written = self.text(name).strip().lower()
        if written in YES or written in NO:
            return written in YES
        if written:
            raise ImproperlyConfigured(f"{name} is “{written}”, neither 1 (yes) nor 0 (no).")
        return default

    def integer(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        """Return a whole number from `least` to `most`."""
        written = self.text(name)
        if not written:
            return default
        try:
            value = int(written)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} is “{written}”, no whole number.") from error
        return int(_within(name, value, least, most))

    def number(self, name: str, default: float, *, least: float = 0.0) -> float:
        """Return a number that is at least `least`."""
        written = self.text(name)
        if not written:
            return default
        try:
            value = float(written)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} is “{written}”, no number.") from error
        if not math.isfinite(value):
            raise ImproperlyConfigured(f"{name} is “{written}”, no number.")
        return _within(name, value, least, None)

    def share(self, name: str, default: float) -> float:
        """Return a share above 0, at most 1."""
        value = self.number(name, default)
        if not 0 < value <= 1:
            raise ImproperlyConfigured(f"{name} is {value}, no share between 0 and 1.")
        return value

    def days(self, name: str, default: int) -> int:
        """Return a number of days; `0` or an empty value, which is not the default here, stands for no limit."""
        written = self.variables.get(name)
        if written is None:
            return default
        if written and not (written.isdecimal() and int(written) <= DAYS_MAX):
            raise ImproperlyConfigured(f"{name} is “{written}”, no number of days.")
        return int(written or 0)

    def choice(self, name: str, known: Sequence[str], default: str) -> str:
        """Return one of the known words."""
        written = self.text(name, default)
        if written not in known:
            raise ImproperlyConfigured(f"{name} is “{written}”, none of {', '.join(known)}.")
        return written

    def rate(self, name: str, default: str) -> str:
        """Return how often something may be done, as it is written: `120/minute`."""
        written = self.text(name, default)
        try:
            parse_rate(written)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}") from error
        return written

    def path(self, name: str) -> Path | None:
        """Return a path, made absolute."""
        written = self.text(name)
        return Path(written).resolve() if written else None

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """Return what stands between commas, without blanks around it."""
        written = self.text(name)
        return [word.strip() for word in written.split(",") if word.strip()] if written else list(default)

    def ports(self, name: str, default: Sequence[int]) -> list[int]:
        """Return a list of ports."""
        words = self.words(name)
        wrong = [word for word in words if not (word.isdecimal() and 0 < int(word) <= PORT_MAX)]
        if wrong:
            raise ImproperlyConfigured(f"{name}: “{wrong[0]}” is no port (1 to {PORT_MAX}).")
        return [int(word) for word in words] or list(default)

    def networks(self, name: str) -> list[str]:
        """Return a list of IP networks."""
        return [_network(name, word) for word in self.words(name)]

    def mapping(self, name: str) -> dict[str, str]:
        """Return a JSON object of texts that are not empty."""
        try:
            value = json.loads(self.text(name, "{}"))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} is no JSON.") from error
        if not isinstance(value, dict) or not all(isinstance(text, str) and text for text in value.values()):
            raise ImproperlyConfigured(f'{name} is no JSON object such as {{"their group": "Our group"}}.')
        return value


def _address(name: str, written: str) -> str:
    try:
        parts = urlsplit(written)
        port, cut = parts.port, parts.fragment or "@" in parts.path or (not parts.path and "@" in parts.query)
    except ValueError:
        port, cut = None, True
    if cut or port == 0:
        raise ImproperlyConfigured(
            f"{name} cannot be read: in a user or password write %2F for /, %23 for #, %3F for ?, %40 for @, %5B for [."
        )
    return written


def _within(name: str, value: float, least: float, most: float | None) -> float:
    if value < least:
        raise ImproperlyConfigured(f"{name} is {value}, and must be at least {least}.")
    if most is not None and value > most:
        raise ImproperlyConfigured(f"{name} is {value}, and must be at most {most}.")
    return value


def _network(name: str, written: str) -> str:
    try:
        return str(ipaddress.ip_network(written))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: “{written}” is no IP network.") from error
