"""The short name that a collection's address has, made of its name in whichever letters that is written."""

from __future__ import annotations

import secrets

from django.utils.text import slugify

SLUG_MAX = 80
_TRANSLITERATED = str.maketrans({
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i",
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya", "є": "ie", "і": "i", "ї": "i", "ґ": "g", "ў": "u", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj",
    "ћ": "c", "џ": "dz", "ѓ": "g", "ќ": "k", "ѕ": "dz",
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o", "ά": "a", "έ": "e", "ή": "i", "ί": "i", "ό": "o", "ύ": "y", "ώ": "o", "ϊ": "i",
    "ϋ": "y", "ΐ": "i", "ΰ": "y",
})  # fmt: skip
"""Cyrillic and Greek letters as passports write them, and Latin ones that have no accent to lose."""


def slug_of(name: str) -> str:
    """Return a slug for a collection of this name: its letters where most have a Latin form, else one of its own.

    A name in Chinese gives `collection-` and six random hexadecimal digits.
    """
    slug = slugify(name.lower().translate(_TRANSLITERATED))[:SLUG_MAX].strip("-_")
    lost = sum(sign.isalnum() for sign in name) > 2 * sum(sign.isalnum() for sign in slug)
    return f"collection-{secrets.token_hex(3)}" if lost or not slug else slug
