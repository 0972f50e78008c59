"""Whether a bundle's encoders give what the original gives, where the bundle says what that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workers.inference.errors import BundleError, TextError
from workers.inference.pictures import to_pixels
from workers.inference.precision import AGREEMENT_MIN
from workers.inference.references import reference_picture
from workers.inference.texts import TextReader, graph_inputs, pad_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from workers.inference.manifest import ImageSpec, TextSpec
    from workers.inference.references import Floats, References


def check_pictures(references: References, spec: ImageSpec, run: Callable[..., Floats]) -> float | None:
    """Return the least cosine of the pictures' vectors with the original's, None where no picture is given.

    Raises BundleError `bundle.references_disagree`.
    """
    given = (
        (run(to_pixels(reference_picture(seed), spec)[None]), wanted) for seed, wanted in references.pictures
    )
    number, cosine = _least(given)
    if number and not cosine >= AGREEMENT_MIN:  # also where it is no number
        raise BundleError("bundle.references_disagree/image", number=number, cosine=round(cosine, 4))
    return cosine if number else None


def check_texts(
    references: References, spec: TextSpec, folder: Path, run: Callable[..., Floats]
) -> float | None:
    """Return the least cosine of the texts' vectors with the original's, as `check_pictures` does."""
    if not references.texts:
        return None
    reader = TextReader(spec, folder)

    def encoded(text: str) -> Floats:
        try:
            ids = reader.encode(text)
        except TextError as error:
            raise BundleError(
                "bundle.references_invalid", problem=f"a text has no words ({error.message})"
            ) from error
        return run(graph_inputs(*pad_ids([ids], spec), spec))

    number, cosine = _least((encoded(text), wanted) for text, wanted in references.texts)
    if not cosine >= AGREEMENT_MIN:  # also where it is no number
        raise BundleError("bundle.references_disagree", number=number, cosine=round(cosine, 4))
    return cosine


def _least(given: Iterable[tuple[Floats, Floats]]) -> tuple[int, float]:
    """Return which of the vectors, counted from 1, agrees least, and its cosine; 0 where none is given."""
    cosines = [float(found[0] @ wanted) for found, wanted in given]
    at = int(np.argmin(cosines)) if cosines else -1
    return at + 1, cosines[at] if cosines else 1.0
