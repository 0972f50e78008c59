"""Files of the world: `python -m bench.world [--debian] [--folder F] [--formats pdf,rtf] [--low 0.9]`.

Downloads the source packages of well-kept parsers from the Python registry, with `--debian` some from Debian too, takes
their test files out into a folder of its own (never this repository), and reads each as an import does: behind the
walls, with the usual limits. Prints by format how many were read, refused (with the errors' ids), ended their process
or the time limit, and how much of what another parser takes for the text (`bench/world_peers.py`) was read: of its
words, each counted as often as it stands there, the share that ours has. Files below `--low` are named. The peers are
installed into the same folder.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from bench.world_peers import PEERS, peers_install, text_by_peer
from workers.extraction.extractor import ExtractionLimits, Extractor
from workers.extraction.kinds import kind_by_name, kind_of
from workers.inference.errors import InferenceError

SDISTS = (
    "pypdfium2", "pypdf", "pikepdf", "python-docx", "python-pptx", "odfpy", "odfdo", "Pillow", "html2text", "markdown",
    "markdown-it-py", "trafilatura", "beautifulsoup4", "mail-parser", "tnefparse", "XlsxWriter",
)  # fmt: skip
DEBIAN = ("pandoc", "unrtf", "libextractor", "libemail-outlook-message-perl", "openpyxl", "libmime-tools-perl",
          "python3.11", "ruby-roo")  # fmt: skip
DEBIAN_LIST = (
    "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    "http://deb.debian.org/debian bookworm main\n"
)
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp", ".avif", ".heic"})
RENAMED = ((re.compile(r"/mails/[^/.]+$|test_email/data/[^/]+\.txt$|/testmsgs/[^/]+\.msg$"), ".eml"),)
"""Messages whose names do not say so."""
ENDED = frozenset({"file.crashed", "file.timeout", "file.memory"})
DEPTH_MAX = 5
_WORD = re.compile(r"\w+")


@dataclass
class FormatTally:
    """What became of one format's files; `words`: of the peer's, how many were found, and how many there are."""

    files: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    words: list[int] = field(default_factory=lambda: [0, 0])


@dataclass
class WorldReading:
    """What reads, what is wanted of it, and what was counted so far."""

    root: Path
    extractor: Extractor
    wanted: set[str]
    low: float
    tallies: dict[str, FormatTally] = field(default_factory=lambda: defaultdict(FormatTally))


def main() -> None:
    """Download, read and compare."""
    options = _options()
    folder: Path = options.folder
    files = _files(folder, debian=options.debian)
    peers_install(folder / "peers")
    wanted = set(filter(None, options.formats.split(",")))
    with Extractor(ExtractionLimits(seconds=options.seconds)) as extractor:
        reading = WorldReading(folder, extractor, wanted, options.low)
        for path in files:
            _count(path, reading)
    _print(reading.tallies)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "sightline-world")
    parser.add_argument("--debian", action="store_true", help="Debian's source packages, too")
    parser.add_argument("--formats", default="", help="only these, parted by commas")
    parser.add_argument("--low", type=float, default=0.9, help="name files of which less was read")
    parser.add_argument("--seconds", type=float, default=60.0, help="that reading one file may take")
    return parser.parse_args()


def _files(folder: Path, *, debian: bool) -> list[Path]:
    """Return the test files, downloaded and unpacked if that was not done before."""
    packages, unpacked = folder / "packages", folder / "files"
    packages.mkdir(parents=True, exist_ok=True)
    for name in SDISTS:
        if not list((packages / name).glob("*")):
            _download(name, packages / name)
    if debian:
        _download_debian(packages / "debian")
    for archive in sorted(packages.glob("*/*")):
        if archive.name.endswith((".tar.gz", ".tar.xz", ".tar.bz2", ".zip")):
            _unpack(archive, unpacked / archive.name)
    return sorted(path for path in unpacked.rglob("*") if path.is_file() and _name_of(path))


def _download(name: str, folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        name,
        "-d",
        str(folder),
        name,
    ]
    if subprocess.run(command, check=False).returncode:
        print(f"{name}: not downloaded")


def _download_debian(folder: Path) -> None:
    """Fetch source packages by apt with lists of its own, so that the machine's stay as they are."""
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(DEBIAN_LIST)
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::sourcelist={folder}/sources.list", "-o", "Dir::Etc::sourceparts=-",
           "-o", f"Dir::State::lists={folder}/lists"]  # fmt: skip
    if not list(folder.glob("lists/*Sources*")):
        subprocess.run([*apt, "update"], check=True)
    for name in DEBIAN:
        if not list(folder.glob(f"{name}_*.dsc")):
            subprocess.run([*apt, "source", "--download-only", name], check=False, cwd=folder)


def _unpack(archive: Path, target: Path) -> None:
    """Unpack what may be a document, once."""
    if target.exists():
        return
    target.mkdir(parents=True)
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(target, [name for name in zipped.namelist() if _name_of(Path("/", name))])
        return
    with tarfile.open(archive) as packed:
        members = [member for member in packed if member.isfile() and _name_of(Path("/", member.name))]
        packed.extractall(target, members, filter="data")


def _name_of(path: Path) -> str:
    """Return what the file is called, its name mended where it does not say what it is; "" for no document."""
    for pattern, suffix in RENAMED:
        if pattern.search(str(path)):
            return path.name + suffix
    is_document = kind_by_name(path.name) or path.suffix.lower() in PICTURES | {".tnef"}
    return path.name if is_document else ""


def _count(path: Path, reading: WorldReading) -> None:
    """Read one file, compare it with the peer's, and count both."""
    name = _name_of(path)
    with path.open("rb") as file:
        kind = kind_of(file, name) or "unknown"
    if reading.wanted and kind not in reading.wanted:
        return
    tally = reading.tallies[kind]
    tally.files += 1
    label = f"{kind}: {path.relative_to(reading.root)}"
    try:
        ours = _text(path.read_bytes(), name, reading.extractor, 0)
    except InferenceError as error:
        tally.refused[error.id] += 1
        print(f"{label}: {error.id} {error.detail}", flush=True)
        return
    tally.read += 1
    theirs = text_by_peer(kind, path)
    if theirs is not None:
        _compare(ours, theirs, label, tally, reading.low)


def _text(data: bytes, name: str, extractor: Extractor, depth: int) -> str:
    """Return all text of a file and of the files inside it."""
    with extractor.reading(io.BytesIO(data), name) as found:
        said = found.extracted
        inside = [(one.name, found.data(one.file)) for one in said.attached] if depth < DEPTH_MAX else []
    captions = [figure.caption for figure in said.figures]
    texts = [
        said.title,
        *said.authors,
        *said.metadata.values(),
        *(block.text for block in said.blocks),
        *captions,
    ]
    for inner, content in inside:
        try:
            texts.append(_text(content, inner, extractor, depth + 1))
        except InferenceError as error:
            if error.id in ENDED:
                raise
    return "\n".join(texts)


def _compare(ours: str, theirs: str, label: str, tally: FormatTally, low: float) -> None:
    wanted, has = words(theirs), words(ours)
    count, found = wanted.total(), (wanted & has).total()
    if not count:
        return
    tally.compared += 1
    tally.words[0] += found
    tally.words[1] += count
    if found / count < low:
        missing = " ".join(list(wanted - has)[:8])
        print(f"{label}: {found / count:.0%} of {count} words; without: {missing}"[:300], flush=True)


def words(text: str) -> Counter[str]:
    """Return the words of a text, in small letters, with how often each stands there."""
    return Counter(_WORD.findall(text.lower()))


def _print(tallies: dict[str, FormatTally]) -> None:
    print("| format | files | read | refused | ended | compared with | files | words read |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, tally in sorted(tallies.items()):
        ended = sum(tally.refused[name] for name in ENDED)
        refused = ", ".join(
            f"{name} {count}" for name, count in tally.refused.most_common() if name not in ENDED
        )
        share = f"{tally.words[0] / tally.words[1]:.1%} of {tally.words[1]:,}" if tally.words[1] else ""
        peer = PEERS[kind].name if kind in PEERS else ""
        print(
            f"| {kind} | {tally.files} | {tally.read} | {refused} | {ended} | {peer} | {tally.compared} | {share} |"
        )


if __name__ == "__main__":
    main()
