"""TorchScript encoders: converted where the process is locked in, refused where not, and read by a closed list."""

import io
import pickle
import warnings
import zipfile

import pytest
import torch

from tests.support.tiny_bundle import COLOURS, VOCABULARY, tiny_manifest, vocabulary_bytes
from workers.inference.bundles import bundle_extract, bundle_write
from workers.inference.checks.torchscript import check_archive
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError
from workers.inference.isolation import Isolation
from workers.inference.validation import ValidationLimits, validate_bundle

DIM = 16
LIMITS = ValidationLimits(seconds=600)


class Picture(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.up = torch.nn.Linear(12, DIM)

    def forward(self, pixels):
        cells = torch.nn.functional.adaptive_avg_pool2d(pixels, 2).flatten(1) - 0.5
        return torch.nn.functional.normalize(self.up(cells), dim=-1)


class Text(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(len(VOCABULARY), DIM)

    def forward(self, tokens, lengths):
        inside = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        return torch.nn.functional.normalize((self.words(tokens) * inside[..., None]).sum(1), dim=-1)


class Reader(torch.nn.Module):
    """Would read any file of the machine, if it were allowed to run."""

    def forward(self, pixels):
        return torch.from_file("/etc/passwd", False, 16).sum() + pixels.mean([2, 3])


def archive_of(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = io.BytesIO()
        torch.jit.save(torch.jit.script(module), target)
    return target.getvalue()


def bundle_of(path, image, text=None):
    torch.manual_seed(0)
    values = tiny_manifest() | {
        "dim": DIM,
        "payloads": {"torchscript": {"image": "image.pt", "text": "text.pt"}},
    }
    files = {"image.pt": image, "text.pt": text or archive_of(Text()), "vocabulary.txt": vocabulary_bytes()}
    bundle_write(path, values, files)
    return path


@pytest.fixture
def bundle(tmp_path):
    torch.manual_seed(0)
    return bundle_of(tmp_path / "b.zip", archive_of(Picture()))


def test_torchscript_becomes_a_bundle_with_graphs_that_is_validated_anew(bundle, tmp_path):
    stages = []
    report = validate_bundle(bundle, limits=LIMITS, progress=stages.append, converted_to=tmp_path / "new.zip")
    assert (report.converted, report.bundle) == (True, tmp_path / "new.zip")
    assert report.manifest.payloads.kinds == ("onnx",)
    assert set(report.manifest.files) == {"converted/image.onnx", "converted/text.onnx", "vocabulary.txt"}
    assert "convert" in stages
    bundle_extract(report.bundle, tmp_path / "into")
    assert load_encoder(tmp_path / "into", device="cpu").encode_texts(list(COLOURS)).shape == (
        len(COLOURS),
        DIM,
    )


def test_without_walls_no_pickle_is_opened(bundle, refusal):
    for walls in (
        Isolation(network=False, user=True, files=True, calls=False),
        Isolation(True, False, False, True),
    ):
        assert refusal(bundle, "convert", walls=walls).id == "bundle.pickle_not_isolated"


class Shell:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/sightline-was-here",)


def with_pickle(archive, payload):
    """The same archive with another `data.pkl`."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, payload if name.endswith("data.pkl") else source.read(name))
    return target.getvalue()


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_names_another_class_is_refused_without_being_read(tmp_path, refusal, protocol):
    evil = with_pickle(archive_of(Picture()), pickle.dumps(Shell(), protocol))
    assert refusal(bundle_of(tmp_path / "e.zip", evil), "convert").id == "bundle.torchscript_not_allowed"
    import pathlib

    assert not pathlib.Path("/tmp/sightline-was-here").exists()


def test_a_plain_pickle_is_no_torchscript(tmp_path, refusal):
    path = bundle_of(tmp_path / "e.zip", pickle.dumps(Shell()))
    assert refusal(path, "convert").id == "bundle.torchscript_not_allowed"


def test_code_that_reads_files_is_refused(tmp_path, refusal):
    error = refusal(bundle_of(tmp_path / "e.zip", archive_of(Reader())), "convert")
    assert (error.id, error.detail["found"]) == ("bundle.torchscript_not_allowed", "aten::from_file")


def test_code_that_cannot_be_converted_is_refused(tmp_path, refusal):
    class Wrong(torch.nn.Module):
        def forward(self, pixels):
            return pixels @ torch.zeros(5, 7)

    assert (
        refusal(bundle_of(tmp_path / "e.zip", archive_of(Wrong())), "convert").id
        == "bundle.torchscript_failed"
    )


def test_the_archives_that_torch_writes_pass_the_closed_list(tmp_path):
    (tmp_path / "a.pt").write_bytes(archive_of(Picture()))
    check_archive(tmp_path / "a.pt")
    (tmp_path / "a.pt").write_bytes(b"PK")
    with pytest.raises(BundleError):
        check_archive(tmp_path / "a.pt")


def test_a_bundle_without_graphs_of_any_kind_is_refused(tmp_path):
    values = tiny_manifest() | {"payloads": {"native": {"config": "n.json", "weights": "n.safetensors"}}}
    bundle_write(
        tmp_path / "n.zip",
        values,
        {"n.json": b"{}", "n.safetensors": b"", "vocabulary.txt": vocabulary_bytes()},
    )
    with pytest.raises(BundleError) as caught:
        validate_bundle(tmp_path / "n.zip", limits=LIMITS)
    assert caught.value.id == "bundle.no_graphs"
