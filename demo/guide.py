"""What the pages show of the demo: its example photos, and what its model knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.examples import MODEL_NAME, SLUG, examples, is_drawing
from retrieval_site.languages.lazy import gettext_lazy
from search.units.image import IMAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models_admin.models import ModelVersion
    from search.guide import Example

_KNOWS = gettext_lazy("The demo's model answers here. It knows drawn machine parts only.")
_DRAWING = gettext_lazy(
    "The demo's pictures are still being drawn: a search for pictures finds only those that are ready."
)


class DemoGuide:
    """See `search.guide.Guide`."""

    def examples(self) -> list[Example]:
        """Return the photos that `demo load` drew; none before."""
        return examples()

    def notes(self, version: ModelVersion | None, target: str) -> list[str]:
        """Return notes where the demo's model answers."""
        if version is None or version.name != MODEL_NAME:
            return []
        return [_KNOWS, _DRAWING] if target == IMAGE.target and is_drawing() else [_KNOWS]

    def is_out_of_place(self, version: ModelVersion, slugs: Sequence[str]) -> bool:
        """Return whether the demo's model answers in other collections than the demo's."""
        return version.name == MODEL_NAME and any(slug != SLUG for slug in slugs)
