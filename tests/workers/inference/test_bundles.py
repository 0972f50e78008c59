"""Writing bundles the same way every time, and extracting hostile ones safely or not at all."""

import json
import stat
import zipfile

import pytest

from tests.search.importers.reading import raw_zip
from tests.support.tiny_bundle import make_tiny_bundle, tiny_manifest, vocabulary_bytes
from workers.inference.bundles import BundleLimits, bundle_extract, bundle_write, read_manifest
from workers.inference.errors import BundleError


@pytest.fixture
def bundle(tmp_path):
    return make_tiny_bundle(tmp_path / "tiny.zip")


def members_of(bundle):
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(bundle, members, target="other.zip"):
    """The same bundle with other members: pairs of a name or ZipInfo and its bytes."""
    path = bundle.with_name(target)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def refusal(path, tmp_path, **limits):
    """The id for which the bundle is refused; nothing may have been left behind or written elsewhere."""
    room = tmp_path / "room"
    room.mkdir(exist_ok=True)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BundleError) as caught:
        bundle_extract(path, room / "into", BundleLimits(**limits))
    assert list(room.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == before
    assert caught.value.message.endswith(".")
    return caught.value.id


def test_a_bundle_is_extracted_whole_with_its_manifest(bundle, tmp_path):
    manifest = bundle_extract(bundle, tmp_path / "deep" / "into")
    assert read_manifest(bundle) == manifest == read_manifest(tmp_path / "deep" / "into")
    assert (tmp_path / "deep" / "into" / "vocabulary.txt").read_bytes() == vocabulary_bytes()
    assert {p.name for p in (tmp_path / "deep" / "into").iterdir()} == {"manifest.json", *manifest.files}
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["into"]


def test_the_same_content_gives_the_same_bytes(bundle, tmp_path):
    assert make_tiny_bundle(tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_large_weights_are_stored_and_not_packed(tmp_path):
    values = tiny_manifest() | {"modalities": ["text"], "payloads": {"onnx": {"text": "text.onnx"}}}
    del values["image"]
    large = tmp_path / "large"
    large.write_bytes(bytes(33 << 20))
    bundle_write(tmp_path / "b.zip", values, {"text.onnx": large, "vocabulary.txt": b"words"})
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
    assert (kinds["text.onnx"], kinds["vocabulary.txt"]) == (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def test_files_may_come_from_disk_and_lie_in_one_folder(tmp_path):
    source = tmp_path / "words"
    source.write_bytes(vocabulary_bytes())
    values = tiny_manifest() | {
        "payloads": {"onnx": {"image": "graphs/image.onnx", "text": "graphs/text.onnx"}}
    }
    files = {"graphs/image.onnx": b"1", "graphs/text.onnx": b"2", "vocabulary.txt": source}
    written = bundle_write(tmp_path / "b.zip", values, files)
    assert bundle_extract(tmp_path / "b.zip", tmp_path / "into") == written
    assert (tmp_path / "into" / "graphs" / "text.onnx").read_bytes() == b"2"


def test_a_manifest_that_does_not_fit_its_files_is_never_written(tmp_path):
    with pytest.raises(BundleError):
        bundle_write(tmp_path / "b.zip", tiny_manifest(), {"image.onnx": b""})
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_never_overwritten(bundle, tmp_path):
    (tmp_path / "into").mkdir()
    with pytest.raises(FileExistsError):
        bundle_extract(bundle, tmp_path / "into")


@pytest.mark.parametrize("folder", ["my-model/", "my model (2)/", "modèle/", "Downloads/my-model/"])
def test_a_bundle_that_was_zipped_with_its_folder_is_the_same_bundle(bundle, tmp_path, folder):
    members = [(folder, b""), *((folder + name, data) for name, data in members_of(bundle).items())]
    zipped = rewritten(bundle, members)
    manifest = bundle_extract(zipped, tmp_path / "into")
    assert manifest == read_manifest(zipped) == read_manifest(bundle)
    assert {p.name for p in (tmp_path / "into").iterdir()} == {"manifest.json", *manifest.files}


def test_what_desktops_add_to_a_zip_is_left_out(bundle, tmp_path):
    members = [("m/" + name, data) for name, data in members_of(bundle).items()]
    members += [
        ("__MACOSX/m/._image.onnx", b"fork"), ("__MACOSX/._m", b""), ("m/.DS_Store", b"view"),
        (".DS_Store", b"view"), ("m/Thumbs.db", b""), ("m/desktop.ini", b""), ("m/._manifest.json", b"fork"),
    ]  # fmt: skip
    manifest = bundle_extract(rewritten(bundle, members), tmp_path / "into")
    assert {p.name for p in (tmp_path / "into").iterdir()} == {"manifest.json", *manifest.files}


def test_a_folders_name_without_the_flag_of_utf8_is_no_contradiction(bundle, tmp_path):
    """As the Finder of macOS writes it: the bytes are UTF-8 and nothing says so."""
    members = [("mod\u00e8le/" + name, data) for name, data in members_of(bundle).items()]
    data = bytearray(rewritten(bundle, members).read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + flags + 1] &= ~0x08
    (tmp_path / "mac.zip").write_bytes(data)
    assert read_manifest(tmp_path / "mac.zip") == read_manifest(bundle)


@pytest.mark.parametrize("folder", ["../", "/", "a/../../", "./", "C:/", "a\\"])
def test_a_folder_that_leads_elsewhere_is_refused(bundle, tmp_path, folder):
    zipped = rewritten(bundle, [(folder + name, data) for name, data in members_of(bundle).items()])
    assert refusal(zipped, tmp_path) == "bundle.unsafe_name"


def test_a_file_beside_the_folder_and_a_file_twice_in_it_are_refused(bundle, tmp_path):
    members = [("m/" + name, data) for name, data in members_of(bundle).items()]
    assert refusal(rewritten(bundle, [*members, ("evil.so", b"x")]), tmp_path) == "bundle.manifest_missing"
    assert refusal(rewritten(bundle, [*members, ("m/evil.so", b"x")]), tmp_path) == "bundle.unlisted_file"
    assert refusal(rewritten(bundle, [*members, ("m/Image.onnx", b"x")]), tmp_path) == "bundle.duplicate_name"
    link = zipfile.ZipInfo("__MACOSX/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert (
        refusal(rewritten(bundle, [*members, (link, b"/etc/passwd")]), tmp_path)
        == "bundle.not_a_regular_file"
    )


def test_what_is_no_zip_is_refused(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04 not really")
    assert refusal(path, tmp_path) == "bundle.not_a_zip"


def test_a_cut_zip_is_refused(bundle, tmp_path):
    bundle.write_bytes(bundle.read_bytes()[:-50])
    assert refusal(bundle, tmp_path) == "bundle.not_a_zip"


def test_damaged_compressed_data_is_refused(bundle, tmp_path):
    data = bytearray(bundle.read_bytes())
    at = data.index(b"text.onnx") + 200
    data[at : at + 40] = bytes(40)
    bundle.write_bytes(bytes(data))
    assert refusal(bundle, tmp_path) in {"bundle.damaged", "bundle.hash_mismatch"}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "/tmp/evil.txt",
        "a/../../evil.txt",
        "C:\\evil.txt",
        "a\\b",
        "a/b/c.txt",
        "..",
        "a//b",
        ".x",
    ],
)
def test_names_that_lead_elsewhere_are_refused(bundle, tmp_path, name):
    members = [*members_of(bundle).items(), (name, b"evil")]
    assert refusal(rewritten(bundle, members), tmp_path) == "bundle.unsafe_name"


def test_a_member_without_a_name_is_refused(tmp_path):
    (tmp_path / "nameless.zip").write_bytes(raw_zip([(b"", b"evil")]))
    assert refusal(tmp_path / "nameless.zip", tmp_path) == "bundle.unsafe_name"


def test_a_name_that_hides_its_end_behind_a_zero_byte_is_refused(bundle, tmp_path):
    path = rewritten(bundle, [*members_of(bundle).items(), ("vocabulary_txt", b"evil")])
    path.write_bytes(path.read_bytes().replace(b"vocabulary_txt", b"vocabulary\x00txt"))
    assert refusal(path, tmp_path) == "bundle.unsafe_name"


def special(name, kind):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_special_files_are_refused(bundle, tmp_path, kind):
    members = members_of(bundle)
    members.pop("vocabulary.txt")
    path = rewritten(bundle, [*members.items(), (special("vocabulary.txt", kind), b"/etc/passwd")])
    assert refusal(path, tmp_path) == "bundle.not_a_regular_file"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["text.onnx", "TEXT.onnx", "Manifest.json", "text.onnx/deep"])
def test_a_name_that_occurs_twice_is_refused(bundle, tmp_path, name):
    path = rewritten(bundle, [*members_of(bundle).items(), (name, b"second")])
    assert refusal(path, tmp_path) == "bundle.duplicate_name"


def test_a_zip_bomb_is_refused_by_its_ratio(bundle, tmp_path):
    path = rewritten(bundle, [*members_of(bundle).items(), ("bomb.bin", bytes(50_000_000))])
    assert refusal(path, tmp_path) == "bundle.compression_ratio"


def test_a_size_that_lies_in_the_directory_is_found_while_extracting(bundle, tmp_path):
    """The directory says 10 bytes, the data is longer: no more than announced is ever written."""
    members = members_of(bundle)
    manifest = json.loads(members["manifest.json"])
    manifest["files"]["vocabulary.txt"]["bytes"] = 10
    members["manifest.json"] = json.dumps(manifest).encode()
    assert refusal(rewritten(bundle, members.items()), tmp_path) == "bundle.hash_mismatch"


def test_sizes_and_numbers_are_limited(bundle, tmp_path):
    assert refusal(bundle, tmp_path, archive_bytes=1000) == "bundle.too_large"
    assert refusal(bundle, tmp_path, unpacked_bytes=1000) == "bundle.too_large"
    assert refusal(bundle, tmp_path, manifest_bytes=100) == "bundle.too_large"
    assert refusal(bundle, tmp_path, files=3) == "bundle.too_many_files"


def test_a_changed_file_is_refused(bundle, tmp_path):
    members = members_of(bundle)
    members["vocabulary.txt"] = members["vocabulary.txt"].replace(b"pump", b"bump")
    assert refusal(rewritten(bundle, members.items()), tmp_path) == "bundle.hash_mismatch"


def test_files_that_the_manifest_does_not_list_are_refused(bundle, tmp_path):
    path = rewritten(bundle, [*members_of(bundle).items(), ("model.pkl", b"\x80\x04.")])
    assert refusal(path, tmp_path) == "bundle.unlisted_file"


def test_files_that_are_missing_are_named(bundle, tmp_path):
    members = members_of(bundle)
    members.pop("text.onnx")
    assert refusal(rewritten(bundle, members.items()), tmp_path) == "bundle.missing_file"


def test_a_zip_without_a_manifest_is_refused(bundle, tmp_path):
    assert refusal(rewritten(bundle, [("a.txt", b"hello")]), tmp_path) == "bundle.manifest_missing"


def test_a_broken_manifest_is_refused(bundle, tmp_path):
    members = members_of(bundle) | {"manifest.json": b"{"}
    assert refusal(rewritten(bundle, members.items()), tmp_path) == "bundle.manifest_invalid"


def test_encrypted_and_oddly_compressed_members_are_refused(bundle, tmp_path):
    path = bundle.with_name("lzma.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("manifest.json", b"{}")
    assert refusal(path, tmp_path) == "bundle.unsupported_compression"


def test_a_full_disk_is_not_blamed_on_the_bundle(bundle, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        bundle_extract(bundle, tmp_path / "file" / "into")
