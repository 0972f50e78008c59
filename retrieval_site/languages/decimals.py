"""Numbers with a format, as the reader's language writes them."""

from __future__ import annotations

from django.utils.formats import get_format


class Decimals(float):
    """A number whose formats, such as `{share:.1f}`, have the decimal point and thousands of the reader's language."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        """Return the number by Python's format, with the language's own signs."""
        signs = {",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR")}
        return super().__format__(spec).translate(str.maketrans(signs))
