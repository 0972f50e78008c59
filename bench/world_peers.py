"""What other parsers take for the text of a file: to compare with what is read here (`bench.world`)."""

from __future__ import annotations

import contextlib
import email
import importlib
import logging
import signal
import subprocess
import sys
import warnings
import zipfile
from dataclasses import dataclass
from email import policy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

INSTALLED = ("pypdf", "cryptography", "beautifulsoup4", "striprtf", "python-oxmsg", "markdown", "tnefparse")
SECONDS = 20


@dataclass(frozen=True)
class PeerParser:
    """Another parser: what it is called, and its text of a file."""

    name: str
    text: Callable[[Path], str]


def peers_install(folder: Path) -> None:
    """Install the parsers that are not there into a folder, and let them be imported from it."""
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), *INSTALLED]
        subprocess.run(command, check=True)
    sys.path.append(str(folder))


def text_by_peer(kind: str, path: Path) -> str | None:
    """Return the peer's text; None where there is no peer, it fails, or takes too long."""
    if kind not in PEERS:
        return None
    logging.disable()
    try:
        with warnings.catch_warnings(action="ignore"), _limited():
            return PEERS[kind].text(path)
    except Exception:  # noqa: BLE001  another parser's faults are not counted here
        return None
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def _module(name: str) -> Any:
    return importlib.import_module(name)


def _pdf(path: Path) -> str:
    reader = _module("pypdf").PdfReader(path)
    return "\n".join(page.extract_text() for page in reader.pages)


def _docx(path: Path) -> str:
    document = _module("docx").Document(str(path))
    return "\n".join(_docx_texts(document))


def _docx_texts(container: Any) -> Iterator[str]:
    """Yield the paragraphs, and the cells of tables, each once."""
    for one in container.iter_inner_content():
        if hasattr(one, "rows"):
            cells = {cell._tc: cell for row in one.rows for cell in row.cells}
            for cell in cells.values():
                yield from _docx_texts(cell)
        else:
            yield one.text


def _pptx(path: Path) -> str:
    slides = _module("pptx").Presentation(str(path)).slides
    return "\n".join(text for slide in slides for text in _shapes_texts(slide.shapes))


def _shapes_texts(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if shape.has_text_frame:
            yield shape.text_frame.text
        elif shape.has_table:
            yield from (cell.text for row in shape.table.rows for cell in row.cells)
        elif hasattr(shape, "shapes"):
            yield from _shapes_texts(shape.shapes)


def _xlsx(path: Path) -> str:
    book = _module("openpyxl").load_workbook(path, data_only=True, read_only=True)
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    cells = (cell for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row)
    return "\n".join(cell for cell in cells if isinstance(cell, str))


def _odf(path: Path) -> str:
    document = _module("odf.opendocument").load(str(path))
    text_of = _module("odf.teletype").extractText
    return "\n".join(text_of(one) for one in _odf_paragraphs(document.body))


def _odf_paragraphs(element: Any) -> Iterator[Any]:
    """Yield the paragraphs and headings, each with what is inside it, without former versions."""
    name = element.qname[1] if element.nodeType == element.ELEMENT_NODE else ""
    if name in ("p", "h"):
        yield element
    elif name != "tracked-changes":
        for child in element.childNodes:
            yield from _odf_paragraphs(child)


def _rtf(path: Path) -> str:
    text = path.read_bytes().decode("latin-1")
    return str(_module("striprtf.striprtf").rtf_to_text(text, errors="ignore"))


def _soup(markup: bytes | str) -> str:
    """Return the text that is shown: of the body, without scripts, styles and what no reader sees."""
    soup = _module("bs4").BeautifulSoup(markup, "lxml")
    for hidden in soup(
        ["script", "style", "template", "noscript", "nav", "header", "footer", "aside", "form", "svg"]
    ):
        hidden.decompose()
    return str((soup.body or soup).get_text(" "))


def _html(path: Path) -> str:
    return _soup(path.read_bytes())


def _markdown(path: Path) -> str:
    html = _module("markdown").markdown(path.read_text("utf-8"), extensions=["tables", "fenced_code"])
    return _soup(html)


def _epub(path: Path) -> str:
    """Return the text of all chapters in the book, whatever their order."""
    with zipfile.ZipFile(path) as book:
        names = [name for name in book.namelist() if name.endswith((".xhtml", ".html", ".htm"))]
        return "\n".join(_soup(book.read(name)) for name in names if "nav" not in name and "toc" not in name)


def _mail(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    body = message.get_body(("html", "plain"))
    text = body.get_content() if body else ""
    return _soup(text) if body and body.get_content_subtype() == "html" else text


def _msg(path: Path) -> str:
    message = _module("oxmsg").Message.load(str(path))
    return f"{message.subject}\n{_soup(message.html_body or '') or message.body}"


def _text(path: Path) -> str:
    return path.read_text("utf-8")


PEERS = {
    "pdf": PeerParser("pypdf", _pdf),
    "docx": PeerParser("python-docx", _docx),
    "pptx": PeerParser("python-pptx", _pptx),
    "xlsx": PeerParser("openpyxl", _xlsx),
    "odt": PeerParser("odfpy", _odf),
    "odp": PeerParser("odfpy", _odf),
    "ods": PeerParser("odfpy", _odf),
    "rtf": PeerParser("striprtf", _rtf),
    "html": PeerParser("BeautifulSoup", _html),
    "markdown": PeerParser("Markdown", _markdown),
    "epub": PeerParser("BeautifulSoup", _epub),
    "eml": PeerParser("Python's email", _mail),
    "msg": PeerParser("python-oxmsg", _msg),
    "text": PeerParser("itself", _text),
}
