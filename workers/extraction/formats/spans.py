"""Cells that go on in the rows below them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Spans:
    """What stands in merged cells, by column: the last row, the text, and the value if it says more."""

    _open: dict[int, tuple[int, str, str | None]] = field(default_factory=dict)

    def begin(self, column: int, last: int, texts: dict[int, str], values: dict[int, str]) -> None:
        """Have what stands in a column stand in the rows up to `last`, too."""
        self._open[column] = (last, texts[column], values.get(column))

    def fill(self, number: int, texts: dict[int, str], values: dict[int, str]) -> None:
        """Put into a row what goes on from above."""
        for column, (last, text, value) in list(self._open.items()):
            if number > last:
                del self._open[column]
            elif column not in texts:
                texts[column] = text
                values |= {} if value is None else {column: value}
