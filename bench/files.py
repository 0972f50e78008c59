"""How files are read, and found: `python -m bench.files [--share S] [--seed N]`.

Makes a firm's paperwork (`bench/paperwork.py`: 60 PDFs of which half are scans, 40 Office files, 30 messages with a
picture each, 200 photographs with captions, a table of 500 rows; `--share` makes fewer), and lets it come in three
times: as a zip sent to the API, as a folder on the server by the command's way, as a watched folder. The three must be
the same, document by document. Then, by format: which of the sentences, headings, rows of tables (whole, within one
passage), captions and pages stand where they should; and how often a sentence, a part number, or a figure
photographed anew (smaller, darker, blurred, as JPEG) has the right document first and among the first ten hits, and
for sentences the right page with it. The demo's 2,259 documents and its model stand beside: sentences are found by
words rather than by meaning, of which that model knows drawn parts only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from bench.paperwork import TABLE_ROWS, paperwork, table
from bench.serving import DATA_DIR, ROOT, serving, wait_for

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = DATA_DIR / "paperwork"


def main() -> None:
    """Make the files, start a server, and have `bench.files_asked` compare and ask beside it."""
    options = _options()
    share, seed = options.share, options.seed
    _make(share, seed)
    with serving(DEMO="1", SOURCE_FOLDERS=str(CORPUS)) as port:
        wait_for(port, "/readyz")
        command = [sys.executable, "-m", "bench.files_asked", str(port), str(share), str(seed)]
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "SOURCE_FOLDERS": str(CORPUS)})


def folder_of(share: float, seed: int) -> Path:
    """Return where the files lie; the zip of them and the table lie beside."""
    return CORPUS / f"{seed}-{round(1000 * share)}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", type=float, default=1.0, help="of the number of files of each format")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _make(share: float, seed: int) -> None:
    """Write the files into a folder, and into a zip beside it."""
    folder = folder_of(share, seed)
    folder.mkdir(parents=True, exist_ok=True)
    if folder.with_suffix(".zip").exists():
        return
    with zipfile.ZipFile(folder.with_suffix(".making"), "w") as archive:
        for paper in paperwork(seed, share):
            _write(folder / paper.name, paper.data)
            archive.writestr(paper.name, paper.data)
        data = table(seed, max(1, round(TABLE_ROWS * share)))
        _write(folder.with_suffix(".csv"), data)
    folder.with_suffix(".making").rename(folder.with_suffix(".zip"))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    main()
