"""Which members of a zip archive are a bundle's own files: desktops zip its folder with it, and add files of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.formats.zips import is_desktops

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Sequence


def own_members(members: Sequence[zipfile.ZipInfo], manifest_name: str) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return the bundle's own members, each with its name below the folder of the uppermost manifest."""
    own = [info for info in members if not is_desktops(info.filename)]
    root = _root([info.filename for info in own], manifest_name)
    named = [(info.filename.removeprefix(root), info) for info in own]
    return [(name, info) for name, info in named if not _is_above(info.filename, root)]


def _root(names: Sequence[str], manifest_name: str) -> str:
    """Return the one folder, such as `my-model/`, that holds a manifest and all else; "" where there is none."""
    found = [name for name in names if name == manifest_name or name.endswith(f"/{manifest_name}")]
    root = min(found, key=len, default="").removesuffix(manifest_name)
    whole = all(name.startswith(root) or _is_above(name, root) for name in names)
    return root if whole and not _leads_elsewhere(root) else ""


def _leads_elsewhere(root: str) -> bool:
    return any(part in ("", ".", "..") for part in root.split("/")[:-1]) or any(
        sign in root for sign in "\\:\0"
    )


def _is_above(name: str, root: str) -> bool:
    return name.endswith("/") and root.startswith(name)
