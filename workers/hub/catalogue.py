"""The catalogue: published models that can be fetched by name, with what a person wants to know before that."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("catalogue.toml")
FAMILIES = ("CLIP", "SigLIP 2", "MobileCLIP 2", "Chinese-CLIP")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class PublishedQuality:
    """What somebody published of a model: the value of a measure in per cent, who says so, and where."""

    measure: str
    value: float
    by: str
    source: str


@dataclass(frozen=True, kw_only=True)
class CatalogueModel:
    """One model: for people up to `quality`, then where its files lie.

    `megabytes`: what is fetched. `commercial`: whether its licence permits commercial use; where it does not,
    somebody must accept it first. `folder`, `variant`: which of the repository's graphs. `weights_repository`: where
    the safetensors lie of which the graphs were made, fetched where torch is installed; empty where none are.
    """

    name: str
    title: str
    family: str
    good_for: str
    languages: str
    licence: str
    licence_url: str
    commercial: bool
    megabytes: int
    dim: int
    repository: str
    quality: tuple[PublishedQuality, ...] = ()
    revision: str = "main"
    folder: str = ""
    variant: str = ""
    weights_repository: str = ""
    weights_revision: str = "main"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, so that the same files come tomorrow."""
        return re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None


@cache
def catalogue() -> dict[str, CatalogueModel]:
    """Return the models of the table by their names, in its order."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: _model(name, row) for name, row in table.items()}


def _model(name: str, row: dict[str, Any]) -> CatalogueModel:
    """Return one row; raises ValueError where the table is wrong, which a test finds."""
    known = {field.name for field in fields(CatalogueModel)}
    if not _NAME.fullmatch(name) or set(row) - known or row["family"] not in FAMILIES:
        raise ValueError(f"catalogue.toml: {name}: a wrong name, key or family")
    qualities = tuple(PublishedQuality(**one) for one in row.pop("quality", ()))
    return CatalogueModel(name=name, quality=qualities, **row)
