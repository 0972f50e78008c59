"""A small OAI-PMH server of a test: pages of records behind resumption tokens, with deletions and sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
    "<responseDate>{now}</responseDate><request>{verb}</request>"
)


@dataclass
class Row:
    """One record; `dc` are its elements."""

    stamp: str
    dc: dict[str, list[str]] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    deleted: bool = False


@dataclass
class OaiServer:
    """`rows` by identifier; `asked` holds each request's arguments; `replies` are answers in place of its own."""

    rows: dict[str, Row] = field(default_factory=dict)
    page: int = 2
    now: str = "2026-11-29T10:00:00Z"
    deleted_record: str = "persistent"
    granularity: str = "YYYY-MM-DDThh:mm:ssZ"
    asked: list[dict[str, str]] = field(default_factory=list)
    replies: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    expired: int = 0

    def add(self, name: str, stamp: str = "2026-11-01T00:00:00Z", /, **dc: str | list[str]) -> None:
        """Add or replace a record."""
        listed = {each: [value] if isinstance(value, str) else value for each, value in dc.items()}
        self.rows[name] = Row(stamp, listed)

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append(asked)
        status, body, headers = self.replies.pop(0) if self.replies else (200, self._body(asked), {})
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": "text/xml", **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def _body(self, asked: dict[str, str]) -> bytes:
        verb = asked["verb"]
        if verb == "Identify":
            inner = (
                f"<Identify><deletedRecord>{self.deleted_record}</deletedRecord>"
                f"<granularity>{self.granularity}</granularity></Identify>"
            )
        elif verb == "GetRecord":
            row = self.rows.get(asked["identifier"])
            inner = (
                f"<GetRecord>{record(asked['identifier'], row)}</GetRecord>"
                if row
                else error("idDoesNotExist")
            )
        else:
            inner = self._list(asked)
        return f"{HEAD.format(now=self.now, verb=verb)}{inner}</OAI-PMH>".encode()

    def _list(self, asked: dict[str, str]) -> str:
        token = asked.get("resumptionToken", "")
        if token and self.expired:
            self.expired -= 1
            return error("badResumptionToken")
        since, wanted, start = (
            token.split("|") if token else (asked.get("from", ""), asked.get("set", ""), "0")
        )
        rows = [
            (name, row)
            for name, row in self.rows.items()
            if row.stamp >= since and (not wanted or wanted in row.sets)
        ]
        if not rows:
            return error("noRecordsMatch")
        at, end = int(start), int(start) + self.page
        more = f"{since}|{wanted}|{end}" if end < len(rows) else ""
        listed = "".join(record(name, row) for name, row in rows[at:end])
        return f"<ListRecords>{listed}<resumptionToken>{more}</resumptionToken></ListRecords>"


def error(code: str) -> str:
    """Return an error of the protocol."""
    return f'<error code="{code}">No.</error>'


def record(identifier: str, row: Row) -> str:
    """Return a record in XML."""
    status = ' status="deleted"' if row.deleted else ""
    header = f"<header{status}><identifier>{escape(identifier)}</identifier><datestamp>{row.stamp}</datestamp></header>"
    if row.deleted:
        return f"<record>{header}</record>"
    inner = "".join(
        f"<dc:{name}>{escape(value)}</dc:{name}>" for name, values in row.dc.items() for value in values
    )
    dc = (
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/">{inner}</oai_dc:dc>'
    )
    return f"<record>{header}<metadata>{dc}</metadata></record>"
