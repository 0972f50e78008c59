"""What RTF's control words mean here: the groups that are no text, signs that have words, encodings of fonts."""

from __future__ import annotations

UNREAD = frozenset(
    {
        "colortbl", "filetbl", "listtable", "listoverridetable", "rsidtbl", "revtbl", "generator", "header",
        "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "ftnsep", "ftnsepc",
        "ftncn", "aftnsep", "aftnsepc", "aftncn", "nonshppict", "nonesttables", "shprslt", "xe", "tc", "tcn",
        "bkmkstart", "bkmkend", "objclass", "objname", "objdata", "fldinst", "annotation", "atnid",
        "atnauthor", "comment", "themedata", "datastore", "colorschememapping", "latentstyles", "private",
    }
)  # fmt: skip
"""Groups of settings, of what is repeated on every page, of comments, and of copies for older programs."""

READ_THOUGH_STARRED = frozenset({"shppict", "shpinst", "shptxt", "picprop", "nesttableprops"})
"""Groups that older programs are told to pass over, but which hold text or pictures."""

SIGNS = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ", "qmspace": " ", "nestcell": "\n", "nestrow": "\n",
    "~": "\N{NO-BREAK SPACE}", "_": "\N{NON-BREAKING HYPHEN}", "-": "", "\t": "\t",
}  # fmt: skip

CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "cp936", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
"""The encodings of fonts' character sets (`\\fcharset`); those of all others are the document's."""

DOCUMENT_CHARSETS = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
SAID = frozenset({"title", "author", "subject", "keywords", "doccomm"})
