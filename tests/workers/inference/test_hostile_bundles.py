"""Manifests and archives that are wrong in one way each: every one is refused by its id, and nothing is left behind."""

import io
import json
import struct
import zipfile

import pytest

from tests.support.tiny_bundle import make_tiny_bundle
from workers.inference.bundles import bundle_extract, read_manifest
from workers.inference.checks.native import read_shapes
from workers.inference.errors import BundleError, InferenceError
from workers.inference.texts import TextReader

HUGE = 10**400


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_bundle(tmp_path_factory.mktemp("tiny") / "tiny.zip").read_bytes()


@pytest.fixture
def refusal(tmp_path):
    """Return a function that gives the error for which an archive is refused; nothing of it may be left."""

    def run(archive):
        path, room = tmp_path / "b.zip", tmp_path / "room"
        path.write_bytes(archive)
        room.mkdir(exist_ok=True)
        with pytest.raises(BundleError) as caught:
            bundle_extract(path, room / "into")
        assert list(room.iterdir()) == []
        json.dumps([caught.value.message, caught.value.detail], allow_nan=False).encode()
        assert "\\u0000" not in json.dumps([caught.value.message, caught.value.detail])
        assert caught.value.message.endswith(".")
        return caught.value

    return run


def with_manifest(archive, text):
    """The archive with another manifest, given as JSON text."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, text if name == "manifest.json" else source.read(name))
    return target.getvalue()


def manifest_of(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        return json.loads(source.read("manifest.json"))


PLACES = [
    ("name",), ("licence",), ("description",), ("similarity",), ("dim",), ("format",), ("modalities",),
    ("image", "resize"), ("image", "mean"), ("image", "crop"), ("text", "vocabulary"), ("text", "max_tokens"),
    ("text", "tokenizer"), ("payloads", "onnx", "image"), ("files", "image.onnx", "bytes"),
    ("files", "image.onnx", "sha256"), ("training", "note"), ("metrics", "deep", "note"),
]  # fmt: skip
VALUES = {
    "NUL": '"a\\u0000b"',
    "half a pair": '"\\ud800"',
    "beyond floats": "1e999",
    "below floats": "-1e999",
    "no number": "NaN",
    "infinity": "Infinity",
    "a huge whole number": str(HUGE),
    "more digits than Python reads": "9" * 5000,
    "a list of them": '["\\u0000", 1e999]',
    "a key with NUL": '{"\\u0000": 1}',
    "a deep list": "[" * 200 + "]" * 200,
    "the deepest list": "[" * 100_000 + "]" * 100_000,
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_no_field_of_a_manifest_takes_what_cannot_be_kept(refusal, tiny, place, value):
    manifest = manifest_of(tiny)
    inner = manifest
    for key in place[:-1]:
        inner = inner.setdefault(key, {})
    inner[place[-1]] = "HERE"
    text = json.dumps(manifest).replace('"HERE"', VALUES[value])
    assert refusal(with_manifest(tiny, text)).id == "bundle.manifest_invalid"


@pytest.mark.parametrize("value", ["true", "-0.5", '"8"', "null", "[]", "{}", "-1", "1e3"])
@pytest.mark.parametrize("place", [("dim",), ("image", "size"), ("text", "max_tokens")], ids=".".join)
def test_a_number_of_another_kind_is_refused_by_its_key(refusal, tiny, place, value):
    manifest = manifest_of(tiny)
    inner = manifest[place[0]] if len(place) > 1 else manifest
    inner[place[-1]] = "HERE"
    error = refusal(with_manifest(tiny, json.dumps(manifest).replace('"HERE"', value)))
    assert (error.id, error.detail["key"]) == ("bundle.manifest_invalid", ".".join(place))


@pytest.mark.parametrize(
    "name", ["\0", "\ud800", "x" * 100_000, "../a", "a b", "ä", "CON/", "a\n", "manifest.json"]
)
def test_a_file_name_that_is_not_allowed_is_refused(refusal, tiny, name):
    manifest = manifest_of(tiny)
    manifest["files"][name] = manifest["files"]["image.onnx"]
    error = refusal(with_manifest(tiny, json.dumps(manifest)))
    assert error.id == "bundle.manifest_invalid"
    assert len(error.message) < 500


def patched(archive, at, form, value):
    changed = bytearray(archive)
    struct.pack_into(form, changed, at, value)
    return bytes(changed)


def stored(archive):
    """The archive as plain members without extra fields, whose bytes are easy to change."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, source.read(name))
    return target.getvalue()


def entries(archive):
    """Positions of the directory's entries and of the files' own headers."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        local = [info.header_offset for info in source.infolist()]
    found, at = [], archive.index(b"PK\x01\x02")
    for _ in local:
        found.append(at)
        at = archive.find(b"PK\x01\x02", at + 1)
    return found, local


LIES = {
    "the directory says fewer bytes": (
        lambda a, d, f: patched(a, d[1] + 24, "<I", 10),
        "bundle.sizes_disagree",
    ),
    "the directory says more bytes": (
        lambda a, d, f: patched(a, d[1] + 24, "<I", 1 << 19),
        "bundle.sizes_disagree",
    ),
    "the directory says fewer packed bytes": (
        lambda a, d, f: patched(a, d[1] + 20, "<I", 1),
        "bundle.sizes_disagree",
    ),
    "the file says fewer bytes": (lambda a, d, f: patched(a, f[1] + 22, "<I", 10), "bundle.sizes_disagree"),
    "the file says another name": (lambda a, d, f: patched(a, f[1] + 30, "<B", 65), "bundle.sizes_disagree"),
    "the file says another method": (lambda a, d, f: patched(a, f[1] + 8, "<H", 8), "bundle.sizes_disagree"),
    "two files lie at one place": (
        lambda a, d, f: patched(a, d[1] + 42, "<I", f[0]),
        "bundle.sizes_disagree",
    ),
    "a file lies within another": (
        lambda a, d, f: patched(a, d[1] + 42, "<I", f[0] + 8),
        "bundle.sizes_disagree",
    ),
    "a file lies beyond the end": (
        lambda a, d, f: patched(a, d[1] + 42, "<I", 1 << 30),
        "bundle.sizes_disagree",
    ),
    "both say fewer bytes": (
        lambda a, d, f: patched(patched(a, d[1] + 24, "<I", 10), f[1] + 22, "<I", 10),
        "bundle.damaged",
    ),
    "another checksum": (lambda a, d, f: patched(a, d[1] + 16, "<I", 7), "bundle.damaged"),
    "encrypted": (
        lambda a, d, f: patched(patched(a, d[1] + 8, "<H", 1), f[1] + 6, "<H", 1),
        "bundle.unsupported_compression",
    ),
    "an unknown method": (
        lambda a, d, f: patched(patched(a, d[1] + 10, "<H", 99), f[1] + 8, "<H", 99),
        "bundle.unsupported_compression",
    ),
    "sizes that follow the file": (lambda a, d, f: patched(a, f[1] + 6, "<H", 8), "bundle.sizes_disagree"),
    "bytes before the archive": (lambda a, d, f: b"#!/bin/sh\n" + a, "bundle.sizes_disagree"),
    "half of it": (lambda a, d, f: a[: len(a) // 2], "bundle.not_a_zip"),
    "no directory": (lambda a, d, f: a[: d[0]], "bundle.not_a_zip"),
    "a directory that begins elsewhere": (
        lambda a, d, f: patched(a, len(a) - 6, "<I", 1 << 30),
        "bundle.sizes_disagree",
    ),
    "a directory of 60,000 files": (
        lambda a, d, f: patched(a, len(a) - 12, "<H", 60_000),
        "bundle.too_many_files",
    ),
    "a directory of 1 GB": (lambda a, d, f: patched(a, len(a) - 10, "<I", 1 << 30), "bundle.too_many_files"),
    "a directory for more than 4 GB": (
        lambda a, d, f: a[: len(a) - 22] + b"PK\x06\x07" + bytes(16) + a[len(a) - 22 :],
        "bundle.sizes_disagree",
    ),
    "a name with NUL": (
        lambda a, d, f: patched(patched(a, d[1] + 48, "<B", 0), f[1] + 32, "<B", 0),
        "bundle.unsafe_name",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_archive_that_lies_is_refused_by_its_own_id(refusal, tiny, lie):
    archive = stored(tiny)
    change, error_id = LIES[lie]
    assert refusal(change(archive, *entries(archive))).id == error_id


def test_archives_as_others_write_them_are_taken(tmp_path, tiny):
    """With a comment, and with the sizes behind each file, as a program writes to a pipe."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with (
        zipfile.ZipFile(io.BytesIO(tiny)) as source,
        zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        copy.comment = b"any \0 words"
        for name in source.namelist():
            copy.writestr(name, source.read(name))
    (tmp_path / "piped.zip").write_bytes(pipe.data)
    assert bundle_extract(tmp_path / "piped.zip", tmp_path / "into").name == "tiny"
    assert read_manifest(tmp_path / "piped.zip").name == "tiny"


@pytest.mark.parametrize("cut", range(0, 4000, 97))
def test_an_archive_that_is_cut_off_anywhere_is_no_zip(refusal, tiny, cut):
    assert refusal(tiny[: len(tiny) - 1 - cut]).id == "bundle.not_a_zip"


def tensor(kind, shape, places):
    return f'{{"a": {{"dtype": {kind}, "shape": {shape}, "data_offsets": {places}}}}}'.encode()


HEADERS = {
    "a length beyond the file": (1 << 40, b""),
    "no JSON": (None, b"{"),
    "a list": (None, b"[]"),
    "no text": (None, b"\xff\xfe{}"),
    "a truth for a length": (None, tensor('"F32"', "[true]", "[0, 4]")),
    "a fraction for a place": (None, tensor('"F32"', "[1]", "[0.0, 4.0]")),
    "infinity for a place": (None, tensor('"F32"', "[1]", "[0, 1e999]")),
    "a length below zero": (None, tensor('"F32"', "[-1, -1]", "[0, 4]")),
    "a huge length": (None, tensor('"F32"', "[" + "9" * 400 + "]", "[0, 4]")),
    "an unknown type": (None, tensor('["F32"]', "[1]", "[0, 4]")),
    "a deep one": (None, b"[" * 100_000),
    "an end before the beginning": (None, tensor('"F32"', "[0]", "[4, 0]")),
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_safetensors_header_that_is_wrong_is_refused(tmp_path, header):
    length, text = HEADERS[header]
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(struct.pack("<Q", length or len(text)) + text + bytes(64))
    with pytest.raises(BundleError) as caught:
        read_shapes(weights)
    assert caught.value.id == "bundle.native_invalid"


@pytest.mark.parametrize(
    "words", [b"<pad>\n<start>\n<end>\n<unk>\nre\0d\n", b"\xed\xa0\x80\n", b"\xff\n", b"", b"\n" * 9]
)
def test_a_vocabulary_that_is_no_list_of_words_is_refused(tmp_path, tiny, words):
    (tmp_path / "b.zip").write_bytes(tiny)
    spec = bundle_extract(tmp_path / "b.zip", tmp_path / "into").text
    (tmp_path / "into" / "vocabulary.txt").write_bytes(words)
    with pytest.raises(BundleError) as caught:
        TextReader(spec, tmp_path / "into")
    assert caught.value.id == "bundle.vocabulary_invalid"


def test_an_error_quotes_nothing_that_a_database_refuses():
    error = InferenceError.quoting("bundle.x", "“a\0b\ud800”.", {"\0": ["\ud800", float("inf")]})
    assert error.message == "“a�b�”."
    assert error.detail == {"�": ["�", "inf"]}
