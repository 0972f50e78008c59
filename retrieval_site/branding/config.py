"""What an operator sets of the site's looks, read by `retrieval_site.config`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from retrieval_site.branding.colours import is_colour
from retrieval_site.branding.files import BrandFile, read_brand_file

if TYPE_CHECKING:
    from retrieval_site.environment import Environment

NAME = "Sightline"
NAME_MAX = 60


@dataclass(frozen=True)
class Branding:
    """Logos on light and dark grounds, the icon of tabs, and the accent as `#rrggbb`; None and "" leave our own."""

    logo: BrandFile | None = None
    logo_dark: BrandFile | None = None
    icon: BrandFile | None = None
    accent: str = ""


def read_branding(env: Environment) -> dict[str, Any]:
    """Return the name and the rest; raises `ImproperlyConfigured` for what cannot be shown."""
    name = env.text("SITE_NAME").strip() or NAME
    if len(name) > NAME_MAX or not name.isprintable():
        raise ImproperlyConfigured(f"SITE_NAME is longer than {NAME_MAX} characters, or not on one line.")
    accent = env.text("SITE_ACCENT").strip().lower()
    if accent and not is_colour(accent):
        raise ImproperlyConfigured(f"SITE_ACCENT is “{accent}”, no colour such as #0a5fb4.")
    logo, dark = _file(env, "SITE_LOGO"), _file(env, "SITE_LOGO_DARK")
    if dark and not logo:
        raise ImproperlyConfigured("SITE_LOGO_DARK is set, and SITE_LOGO is not.")
    return {"site_name": name, "branding": Branding(logo, dark, _file(env, "SITE_ICON", icon=True), accent)}


def _file(env: Environment, variable: str, *, icon: bool = False) -> BrandFile | None:
    path = env.text(variable)
    return read_brand_file(Path(path), variable, icon=icon) if path else None
