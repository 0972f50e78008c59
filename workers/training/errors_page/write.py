"""The page of a model's worst queries: one HTML file with everything in it, for a browser without a network."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from workers.inference.pictures import open_picture
from workers.training.errors_page.select import (
    FailedQuery,
    RankedItem,
    owners,
    worst_captions,
    worst_pictures,
)
from workers.training.errors_page.words import marked
from workers.training.evaluate import Evaluated
from workers.training.layout import Captioned

THUMBNAIL_SIDE, JPEG_QUALITY = 220, 72
COLUMNS = (
    ("R@1", "r1"), ("R@5", "r5"), ("R@10", "r10"), ("P@1", "p1"), ("MRR", "mrr"), ("nDCG@10", "ndcg10"),
    ("median rank", "median_rank"), ("mean rank", "mean_rank"),
)  # fmt: skip
DIRECTIONS = {"image_to_text": "picture → captions", "text_to_image": "caption → pictures"}


@dataclass(frozen=True, slots=True)
class Book:
    """What the page shows pictures and captions from."""

    split: Captioned
    texts: Sequence[str]
    owners: Sequence[int]

    def picture(self, number: int) -> str:
        """A picture as an <img> with its data."""
        path = self.split.paths[number]
        image = open_picture(path.read_bytes(), shortest_side=THUMBNAIL_SIDE)
        image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        sink = io.BytesIO()
        image.convert("RGB").save(sink, "JPEG", quality=JPEG_QUALITY)
        data = base64.b64encode(sink.getvalue()).decode()
        size = f'width="{image.width}" height="{image.height}"'
        return f'<img src="data:image/jpeg;base64,{data}" {size} alt="{escape(path.name)}" title="{escape(path.name)}">'


def write_page(result: Evaluated, split: Captioned, folder: Path) -> Path:
    """Write `index.html` into a folder and return its path."""
    book = Book(split, split.texts(), owners(split))
    pictures = [_of_picture(failure, book) for failure in worst_pictures(result)]
    captions = [_of_caption(failure, book) for failure in worst_captions(result)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(_page(result, pictures, captions), encoding="utf-8")
    return path


def _page(result: Evaluated, pictures: Sequence[str], captions: Sequence[str]) -> str:
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    title = f"Errors of {escape(result.model)}"
    counts = f"{len(result.images)} pictures, {len(result.captions)} captions; percent; ties count against the model."
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body><main>
<h1>{title}</h1><p class="quiet">{counts}</p>{_measures(result)}
{_section("Pictures whose captions were not found", pictures)}
{_section("Captions whose picture was not found", captions)}
</main></body></html>
"""


def _section(title: str, articles: Sequence[str]) -> str:
    note = "The worst first. Marked words are shared between what was found and what would have been right."
    body = "".join(articles) or "<p>None: every first answer is right.</p>"
    return f'<section><h2>{title}</h2><p class="quiet">{note}</p>{body}</section>'


def _measures(result: Evaluated) -> str:
    report = result.report()
    head = "".join(f'<th scope="col">{name}</th>' for name, _ in COLUMNS)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{report[way][key]:.1f}</td>" for _, key in COLUMNS)}</tr>'
        for way, name in DIRECTIONS.items()
    )
    return f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _of_picture(failure: FailedQuery, book: Book) -> str:
    """A picture, where its own captions stood, and the captions found before them."""
    own = [book.texts[item.number] for item in failure.right]
    instead = [book.texts[item.number] for item in failure.found if not item.right]
    right = "".join(_listed(item, marked(book.texts[item.number], instead)) for item in failure.right)
    found = "".join(
        f"<li>{book.picture(book.owners[item.number])}{_place(item)} "
        f"{marked(book.texts[item.number], () if item.right else own)}</li>"
        for item in failure.found
    )
    query = f'{book.picture(failure.query)}<ul class="right">{right}</ul>'
    return _article("The picture, and the places of its captions", query, "Found first", found)


def _of_caption(failure: FailedQuery, book: Book) -> str:
    """A caption, where its picture stood, and the pictures found before it with their closest captions."""
    text = book.texts[failure.query]
    instead = [
        caption for item in failure.found for caption in book.split.captions[item.number] if not item.right
    ]
    right = "".join(f"<li>{_place(item)}{book.picture(item.number)}</li>" for item in failure.right[:2])
    found = "".join(
        f"<li>{book.picture(item.number)}{_place(item)} {marked(_closest(text, item, book), [text])}</li>"
        for item in failure.found
    )
    query = f'<p class="caption">{marked(text, instead)}</p><ul class="right">{right}</ul>'
    return _article("The caption, and the place of its picture", query, "Found first", found)


def _closest(text: str, item: RankedItem, book: Book) -> str:
    """Of a found picture's captions the one that shares most words with the query."""
    return max(book.split.captions[item.number], key=lambda caption: marked(caption, [text]).count("<mark>"))


def _article(query_title: str, query: str, found_title: str, found: str) -> str:
    return (
        f'<article><div class="query"><h3>{query_title}</h3>{query}</div>'
        f'<div><h3>{found_title}</h3><ol class="found">{found}</ol></div></article>'
    )


def _listed(item: RankedItem, text: str) -> str:
    return f"<li>{_place(item)}<span>{text}</span></li>"


def _place(item: RankedItem) -> str:
    kind = "place good" if item.right else "place"
    return f'<span class="{kind}">{item.place}{" ✓" if item.right else ""}</span>'
