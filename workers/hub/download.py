"""Files of a published model from a hub that speaks Hugging Face's addresses: resumed, bounded, and with known hashes.

Kept in a cache of `huggingface_hub`'s own layout, which is looked at first: a cache that was copied here is used, too.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workers.fetching.networks import is_public
from workers.hub.errors import HubError
from workers.hub.names import is_commit, is_path, is_repository, is_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers.fetching.networks import Network

    Progress = Callable[[int], None]
    """Gets how many bytes came, or fewer than none where a file begins anew; may raise to stop."""

_CHUNK_BYTES = 1 << 20
_ASK_SECONDS = 20.0


@dataclass(frozen=True)
class Hub:
    """Where models are fetched from, and how much of them. `networks`: not public, but redirects may lead there."""

    endpoint: str
    cache: Path
    token: str = ""
    offline: bool = False
    max_bytes: int = 8 << 30
    seconds: float = 3600.0
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True)
class HubFile:
    """A file of a repository: its size, and its hash where the hub says it before the file comes.

    `hash`, in hexadecimal digits: the SHA-256 of a large file, git's own SHA-1 of a small one.
    """

    path: str
    size: int
    hash: str = ""


@dataclass(frozen=True)
class HubCommit:
    """One state of a repository, which does not change any more."""

    repository: str
    commit: str
    files: dict[str, HubFile]


def hub_commit(hub: Hub, repository: str, revision: str) -> HubCommit:
    """Return the commit that a branch, a tag or a commit's own name stands for, with its files.

    Without the network (`offline`), what the cache has of it. Raises HubError `hub.*`.
    """
    if not is_repository(repository):
        raise HubError("hub.invalid_name", name=repository[:200])
    if not is_revision(revision):
        raise HubError("hub.invalid_name", name=revision[:200])
    if hub.offline:
        return _cached_commit(hub, repository, revision)
    from huggingface_hub import HfApi

    with _errors_named(hub, repository, revision):
        api = HfApi(endpoint=hub.endpoint, token=hub.token or False)
        info = api.model_info(repository, revision=revision, files_metadata=True, timeout=_ASK_SECONDS)
    if not info.sha or not is_commit(info.sha):
        raise HubError("hub.bad_answer", problem="it names no commit")
    _remember(hub, repository, revision, info.sha)
    files = [
        HubFile(one.rfilename, one.size or 0, (one.lfs.sha256 if one.lfs else one.blob_id) or "")
        for one in info.siblings or ()
    ]
    return HubCommit(repository, info.sha, {file.path: file for file in files if is_path(file.path)})


def hub_fetch(hub: Hub, commit: HubCommit, paths: list[str], progress: Progress) -> dict[str, Path]:
    """Return the files of the commit on this machine, by their paths; those that are not here yet are fetched.

    A file that came in part goes on where it ended, in another process as well; one that the cache has with another
    content than the hub says comes anew. Raises HubError `hub.too_large`, `hub.timeout`, `hub.hash_mismatch`, `hub.*`,
    and what `progress` raises.
    """
    total = sum(commit.files[path].size for path in paths)
    if total > hub.max_bytes:
        raise HubError("hub.too_large", bytes=total, limit_bytes=hub.max_bytes)
    deadline = time.monotonic() + hub.seconds
    found = {}
    for path in paths:
        target, file = _snapshot(hub, commit.repository, commit.commit) / path, commit.files[path]
        if target.is_file() and target.stat().st_size == file.size and _has_hash(target, file.hash):
            progress(file.size)
        elif hub.offline:
            raise HubError("hub.not_cached", repository=commit.repository, file=path)
        else:
            _Fetch(hub, commit, file, deadline, progress).into(target)
        found[path] = target
    return found


def sha256_of(path: Path, progress: Progress = lambda count: None) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


class _Fetch:
    """One file on its way: a part of it lies beside its place, under its hash, until it is whole."""

    def __init__(
        self, hub: Hub, commit: HubCommit, file: HubFile, deadline: float, progress: Progress
    ) -> None:
        self._hub, self._commit, self._file = hub, commit, file
        self._deadline, self._progress = deadline, progress
        self._came = 0

    def into(self, target: Path) -> None:
        """Fetch the file, check it, and let it appear at `target`."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils._headers import build_hf_headers

        hub, commit = self._hub, self._commit
        url = hf_hub_url(commit.repository, self._file.path, revision=commit.commit, endpoint=hub.endpoint)
        with _errors_named(hub, commit.repository, commit.commit):
            about = get_hf_file_metadata(
                url, token=hub.token or False, timeout=_ASK_SECONDS, endpoint=hub.endpoint
            )
            self._check_answer(about)
            partial = target.with_name(
                f".{target.name}.{hashlib.sha256(str(about.etag).encode()).hexdigest()[:16]}"
            )
            partial.parent.mkdir(parents=True, exist_ok=True)
            headers = build_hf_headers(token=(hub.token or False) if self._is_hub(about.location) else False)
            with partial.open("ab") as out:
                self.update(out.tell())
                http_get(
                    about.location, out, resume_size=out.tell(), headers=headers, expected_size=self._file.size,
                    _tqdm_bar=self,  # counts what came, as a bar does
                )  # fmt: skip
        self._check_content(partial, str(about.etag))
        partial.replace(target)

    def update(self, count: int) -> None:
        """Count what came; raises HubError for too much of it, or too late."""
        self._came += count
        if self._came > self._file.size:
            raise HubError("hub.bad_answer", problem="a file is larger than it said")
        if time.monotonic() > self._deadline:
            raise HubError("hub.timeout", limit_seconds=self._hub.seconds)
        self._progress(count)

    def _check_answer(self, about: Any) -> None:
        if about.commit_hash != self._commit.commit or not about.etag:
            raise HubError("hub.bad_answer", problem="a file belongs to another commit")
        if about.size != self._file.size:
            raise HubError("hub.bad_answer", problem="a file has another size than the list says")

    def _check_content(self, partial: Path, etag: str) -> None:
        """Refuse a file that is not what its commit says."""
        if not _has_hash(partial, self._file.hash or etag):
            partial.unlink()
            raise HubError("hub.hash_mismatch", file=self._file.path)

    def _is_hub(self, location: str) -> bool:
        return urlsplit(location).netloc == urlsplit(self._hub.endpoint).netloc


def _has_hash(path: Path, wanted: str) -> bool:
    """Tell whether a file has this SHA-256, or by its length this hash of git's; any other text says nothing of it."""
    if len(wanted) == 64:
        return sha256_of(path) == wanted
    return len(wanted) != 40 or _git_hash(path) == wanted


def _git_hash(path: Path) -> str:
    """Return what git calls a file: the SHA-1 of a header and its content."""
    header = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: header).hexdigest()


@contextmanager
def _errors_named(hub: Hub, repository: str, revision: str) -> Iterator[None]:
    """Go by connections of ours, and say in our words what the hub's library raises."""
    import httpx2
    from huggingface_hub import errors as raised

    _connect_by(hub)
    try:
        yield
    except raised.GatedRepoError as error:
        raise HubError("hub.not_permitted", repository=repository) from error
    except (raised.RepositoryNotFoundError, raised.RevisionNotFoundError, raised.EntryNotFoundError) as error:
        raise HubError("hub.not_found", repository=repository, revision=revision) from error
    except raised.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise HubError("hub.status", status=status, repository=repository) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, raised.OfflineModeIsEnabled, OSError) as error:
        raise HubError("hub.not_reached", endpoint=hub.endpoint, reason=str(error)[:300]) from error
    except (ValueError, TypeError, KeyError) as error:
        raise HubError("hub.bad_answer", problem=str(error)[:300]) from error


def _connect_by(hub: Hub) -> None:
    """Let the library's requests pass `_may_be_asked`: a hub's answer must not lead it into the operator's network."""
    import httpx2
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import hf_request_event_hook

    hooks: dict[str, list[Any]] = {
        "request": [hf_request_event_hook, lambda request: _may_be_asked(hub, str(request.url))]
    }
    set_client_factory(lambda: httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=_ASK_SECONDS))


def _may_be_asked(hub: Hub, url: str) -> None:
    """Raise HubError `hub.redirected` for an address that is neither the hub's own nor public."""
    asked, own = urlsplit(url), urlsplit(hub.endpoint)
    if (asked.scheme, asked.netloc) == (own.scheme, own.netloc):
        return
    if asked.scheme != "https" and asked.scheme != own.scheme:
        raise HubError("hub.redirected", host=asked.hostname or "")
    with suppress(OSError, ValueError):
        found = socket.getaddrinfo(asked.hostname, asked.port or asked.scheme, type=socket.SOCK_STREAM)
        if all(is_public(ipaddress.ip_address(one[4][0]), hub.networks) for one in found):
            return
    raise HubError("hub.redirected", host=asked.hostname or "")


def _folder(hub: Hub, repository: str) -> Path:
    return hub.cache / f"models--{repository.replace('/', '--')}"


def _snapshot(hub: Hub, repository: str, commit: str) -> Path:
    return _folder(hub, repository) / "snapshots" / commit


def _remember(hub: Hub, repository: str, revision: str, commit: str) -> None:
    """Keep which commit a branch stood for, so that it is found without the network later."""
    if revision != commit:
        place = _folder(hub, repository) / "refs" / revision
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(commit)


def _cached_commit(hub: Hub, repository: str, revision: str) -> HubCommit:
    commit = revision
    if not is_commit(revision):
        with suppress(OSError):
            commit = (_folder(hub, repository) / "refs" / revision).read_text().strip()
    snapshot = _snapshot(hub, repository, commit)
    if not is_commit(commit) or not snapshot.is_dir():
        raise HubError("hub.not_cached", repository=repository, file=revision)
    return HubCommit(repository, commit, folder_files(snapshot))


def folder_files(folder: Path) -> dict[str, HubFile]:
    """Return the files of a folder as those of a repository, down to five levels, without parts of files."""
    found = {}
    for file in sorted(folder.rglob("*")):
        path = str(PurePosixPath(file.relative_to(folder)))
        if is_path(path) and file.is_file():
            found[path] = HubFile(path, file.stat().st_size)
    return found
