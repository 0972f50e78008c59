"""The organisation's own name, signs and colour on every page, without touching code or templates."""
