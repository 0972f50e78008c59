"""Write a bundle, and read one that nobody has vouched for: names, sizes and hashes are checked while extracting."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
import zipfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from workers.formats.zips import DAMAGED, packing_fault
from workers.inference.archive_folder import own_members
from workers.inference.archive_layout import check_directory, check_layout
from workers.inference.errors import BundleError
from workers.inference.manifest import FILE_NAME, MANIFEST_NAME, FileEntry, Manifest, parse_manifest
from workers.inference.reading import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHUNK_BYTES = 1 << 20
_STORED_FROM_BYTES = 32 << 20
"""Larger files are weights, which shrink by a tenth at most and take seconds to pack: they are stored as they are."""
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class BundleLimits:
    """How large a bundle may be, packed and unpacked."""

    archive_bytes: int = 2 << 30
    unpacked_bytes: int = 4 << 30
    manifest_bytes: int = 1 << 20
    files: int = 64
    ratio: int = 100


DEFAULT_LIMITS = BundleLimits()


def bundle_write(
    path: Path, manifest: Manifest | Mapping[str, Any], files: Mapping[str, bytes | Path]
) -> Manifest:
    """Write a bundle to `path` and return its manifest, whose `files` are computed here.

    The same manifest and files give the same bytes. The file appears at `path` only when it is complete.
    Raises BundleError `bundle.manifest_invalid`.
    """
    values = manifest.to_json() if isinstance(manifest, Manifest) else dict(manifest)
    values["files"] = {name: vars(_entry_of(files[name])) for name in sorted(files)}
    complete = parse_manifest(values)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with zipfile.ZipFile(partial, "w") as archive:
            _write_member(archive, MANIFEST_NAME, _manifest_bytes(complete))
            for name in sorted(files):
                _write_member(archive, name, files[name])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return complete


def read_manifest(path: Path, limits: BundleLimits = DEFAULT_LIMITS) -> Manifest:
    """Return the manifest of a bundle, or of the folder of an extracted one; reads nothing else of it."""
    if path.is_dir():
        return parse_manifest(read_json((path / MANIFEST_NAME).read_bytes()))
    with _open_archive(path, limits) as archive:
        return _read_manifest(archive, limits)


def bundle_extract(path: Path | BinaryIO, into: Path, limits: BundleLimits = DEFAULT_LIMITS) -> Manifest:
    """Extract a bundle, a path or an open file, into the new folder `into` and return its manifest.

    Whole or not at all: on any error nothing is left behind. Raises BundleError, and FileExistsError
    where `into` exists already.
    """
    if into.exists():
        raise FileExistsError(into)
    into.parent.mkdir(parents=True, exist_ok=True)
    partial = into.with_name(f".{into.name}.{secrets.token_hex(4)}")
    partial.mkdir()
    try:
        with _open_archive(path, limits) as archive:
            manifest = _extract_all(archive, partial, limits)
        partial.rename(into)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _entry_of(content: bytes | Path) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(content):
        digest.update(chunk)
        size += len(chunk)
    return FileEntry(sha256=digest.hexdigest(), bytes=size)


def _size_of(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            yield chunk


def _manifest_bytes(manifest: Manifest) -> bytes:
    return json.dumps(manifest.to_json(), indent=1, ensure_ascii=False).encode() + b"\n"


def _write_member(archive: zipfile.ZipFile, name: str, content: bytes | Path) -> None:
    """Write one file with a fixed time and mode, so that equal content gives equal bytes."""
    info = zipfile.ZipInfo(name, _FIXED_TIME)
    info.compress_type = (
        zipfile.ZIP_STORED if _size_of(content) >= _STORED_FROM_BYTES else zipfile.ZIP_DEFLATED
    )
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.create_system = 3
    with archive.open(info, "w", force_zip64=True) as target:
        for chunk in _chunks(content):
            target.write(chunk)


@dataclass(frozen=True)
class _Archive:
    """An opened bundle: its files by their names in the bundle, without the folder that all of them may lie in."""

    zip: zipfile.ZipFile
    files: Mapping[str, zipfile.ZipInfo]

    def open(self, name: str) -> IO[bytes]:
        """Open one of its files; raises KeyError where there is none of that name."""
        return self.zip.open(self.files[name])

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()


def _open_archive(path: Path | BinaryIO, limits: BundleLimits) -> _Archive:
    size = path.stat().st_size if isinstance(path, Path) else path.seek(0, os.SEEK_END)
    if size > limits.archive_bytes:
        raise _too_large("bundle", size, limits.archive_bytes)
    with path.open("rb") if isinstance(path, Path) else nullcontext(path) as source:
        check_directory(source, limits.files)
        try:
            archive = zipfile.ZipFile(path)
        except DAMAGED as error:
            raise BundleError("bundle.not_a_zip") from error
        try:
            _check_members(archive.infolist(), limits)
            members = own_members(archive.infolist(), MANIFEST_NAME)
            _check_names(members)
            check_layout(source, archive.infolist())
        except BundleError:
            archive.close()
            raise
    return _Archive(archive, {name: info for name, info in members if not _is_folder(info)})


def _check_members(members: list[zipfile.ZipInfo], limits: BundleLimits) -> None:
    """Refuse, from the directory alone, what must not be extracted; reading checks the sizes once more."""
    if len(members) > limits.files:
        raise BundleError("bundle.too_many_files", files=len(members), limit=limits.files)
    for info in members:
        _check_kind(info)
        _check_packing(info, limits)
    total = sum(info.file_size for info in members)
    if total > limits.unpacked_bytes:
        raise _too_large("unpacked bundle", total, limits.unpacked_bytes)


def _check_names(members: list[tuple[str, zipfile.ZipInfo]]) -> None:
    seen: set[str] = set()
    for name, info in members:
        _check_name(name.removesuffix("/"), info, seen)
    files = {name.lower() for name, info in members if not _is_folder(info)}
    for name, _ in members:
        folder = name.lower().rpartition("/")[0]
        if folder in files:
            raise BundleError("bundle.duplicate_name/folder", name=folder)


def _check_name(name: str, info: zipfile.ZipInfo, seen: set[str]) -> None:
    if info.orig_filename != info.filename or not FILE_NAME.fullmatch(name):
        raise BundleError("bundle.unsafe_name", name=repr(info.orig_filename)[:200])
    # Folded, since on some file systems names that differ in case only are the same file.
    if name.lower() in seen:
        raise BundleError("bundle.duplicate_name", name=name)
    seen.add(name.lower())


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # `ZipInfo.is_dir` fails where the name is empty


def _check_kind(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    expected = stat.S_IFDIR if _is_folder(info) else stat.S_IFREG
    if kind not in (0, expected):
        raise BundleError("bundle.not_a_regular_file", name=info.filename)


def _check_packing(info: zipfile.ZipInfo, limits: BundleLimits) -> None:
    fault = packing_fault(info, limits.ratio)
    if fault in ("encrypted", "method"):
        raise BundleError("bundle.unsupported_compression", name=info.filename)
    if fault == "ratio":
        raise BundleError(
            "bundle.compression_ratio",
            name=info.filename,
            bytes=info.file_size,
            compressed_bytes=info.compress_size,
            limit=limits.ratio,
        )


def _too_large(what: str, size: int, limit: int) -> BundleError:
    return BundleError("bundle.too_large", what=what, bytes=size, limit_bytes=limit)


def _read_manifest(archive: _Archive, limits: BundleLimits) -> Manifest:
    try:
        with archive.open(MANIFEST_NAME) as source:
            data = source.read(limits.manifest_bytes + 1)
    except KeyError:
        raise BundleError("bundle.manifest_missing", name=MANIFEST_NAME) from None
    except DAMAGED as error:
        raise _damaged(MANIFEST_NAME) from error
    if len(data) > limits.manifest_bytes:
        raise _too_large("manifest", len(data), limits.manifest_bytes)
    return parse_manifest(read_json(data))


def _extract_all(archive: _Archive, folder: Path, limits: BundleLimits) -> Manifest:
    manifest = _read_manifest(archive, limits)
    present = set(archive.files) - {MANIFEST_NAME}
    if unlisted := present - set(manifest.files):
        raise BundleError("bundle.unlisted_file", names=sorted(unlisted))
    if missing := set(manifest.files) - present:
        raise BundleError("bundle.missing_file", names=sorted(missing))
    for name, entry in manifest.files.items():
        _extract_one(archive, name, entry, folder / name)
    (folder / MANIFEST_NAME).write_bytes(_manifest_bytes(manifest))
    return manifest


def _extract_one(archive: _Archive, name: str, entry: FileEntry, target: Path) -> None:
    """Write one file while hashing it; stops at the first byte beyond what the manifest announced."""
    target.parent.mkdir(exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as sink:
        for chunk in _member_chunks(archive, name):
            digest.update(chunk)
            size += len(chunk)
            sink.write(chunk)
            if size > entry.bytes:
                break
    if size != entry.bytes or digest.hexdigest() != entry.sha256:
        raise BundleError("bundle.hash_mismatch", name=name)


def _member_chunks(archive: _Archive, name: str) -> Iterator[bytes]:
    """Yield a member's content; only errors of reading it are the bundle's fault, a full disk is not."""
    try:
        with archive.open(name) as source:
            while chunk := source.read(_CHUNK_BYTES):
                yield chunk
    except DAMAGED as error:
        raise _damaged(name) from error


def _damaged(name: str) -> BundleError:
    return BundleError("bundle.damaged", name=name)
