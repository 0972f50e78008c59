"""The catalogue: published models that can be fetched by name, with what a person wants to know before that."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from workers.hub.names import is_commit

TABLE = Path(__file__).with_name("catalogue.toml")
FAMILIES = ("CLIP", "SigLIP 2", "MobileCLIP 2", "Chinese-CLIP")
NONE_KNOWN = "none known"
"""In place of a row's qualities, where nobody is known to have published one."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class PublishedQuality:
    """What somebody published of a model: the value of a measure in per cent, who says so, and where."""

    measure: str
    value: float
    by: str
    source: str


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A model, its licence, and where its files lie.

    `commercial`: whether its licence is known to permit commercial use; where it is not, somebody must accept it first.
    `folder`, `variant`: which of the repository's graphs. `weights_repository`: where the safetensors lie of which the
    graphs were made, fetched where torch is installed; empty where none are.
    """

    name: str
    title: str
    licence: str
    licence_url: str
    commercial: bool
    repository: str
    revision: str = "main"
    folder: str = ""
    variant: str = ""
    weights_repository: str = ""
    weights_revision: str = "main"

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, so that the same files come tomorrow."""
        return is_commit(self.revision)

    @property
    def description(self) -> str:
        """What its bundle says of it."""
        return self.title


@dataclass(frozen=True, kw_only=True)
class CatalogueModel(PublishedModel):
    """One model of the catalogue, with what people want to know of it; `megabytes`: what is fetched.

    `quality`: what somebody published, empty where nobody is known to have. A row of the table says that explicitly.
    """

    family: str
    good_for: str
    languages: str
    megabytes: int
    dim: int
    quality: tuple[PublishedQuality, ...] = ()

    @property
    def description(self) -> str:
        """What its bundle says of it."""
        return f"{self.title}: {self.good_for}"


@cache
def catalogue() -> dict[str, CatalogueModel]:
    """Return the models of the table by their names, in its order."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: model_of(name, row) for name, row in table.items()}


def model_of(name: str, row: dict[str, Any]) -> CatalogueModel:
    """Return one row; raises ValueError where the table is wrong, which a test finds."""
    known = {field.name for field in fields(CatalogueModel)}
    if not _NAME.fullmatch(name) or set(row) - known or row["family"] not in FAMILIES:
        raise ValueError(f"catalogue.toml: {name}: a wrong name, key or family")
    found = row.get("quality")
    if found != NONE_KNOWN and not (found and isinstance(found, list)):
        raise ValueError(f"catalogue.toml: {name}: no quality; say “{NONE_KNOWN}” where none is published")
    qualities = () if found == NONE_KNOWN else tuple(PublishedQuality(**one) for one in found)
    return CatalogueModel(name=name, **(row | {"quality": qualities}))
