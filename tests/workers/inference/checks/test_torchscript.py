"""TorchScript encoders: converted where the process is locked in, refused where not, and read by a closed list."""

import io
import pickle
import warnings
import zipfile
from dataclasses import replace

import pytest
import torch

from tests.support.tiny_bundle import COLOURS, VOCABULARY, tiny_manifest, vocabulary_bytes
from tests.workers.inference.checks.conftest import TIGHT
from workers.inference.bundles import bundle_extract, bundle_write
from workers.inference.checks.torchscript import check_archive
from workers.inference.encoder import load_encoder
from workers.inference.errors import BundleError
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
    for missing in ({"network", "calls"}, {"user", "files"}, {"processes"}):
        walls = replace(TIGHT, **dict.fromkeys(missing, False))
        assert refusal(bundle, "convert", walls=walls).id == "bundle.pickle_not_isolated"


class Shell:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/sightline-was-here",)


def changed(archive, change):
    """The archive with the members that `change` makes of its own, a list of (name, content)."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(target, "w") as copy:
        for name, content in change([(name, source.read(name)) for name in source.namelist()]):
            copy.writestr(name, content)
    return target.getvalue()


def with_pickle(archive, payload, name="data.pkl"):
    """The same archive with another `data.pkl`, perhaps under another name."""
    return changed(
        archive,
        lambda members: [
            (old.replace("data.pkl", name), payload) if old.endswith("data.pkl") else (old, content)
            for old, content in members
        ],
    )


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_names_another_class_is_refused_without_being_read(tmp_path, refusal, protocol):
    evil = with_pickle(archive_of(Picture()), pickle.dumps(Shell(), protocol))
    assert refusal(bundle_of(tmp_path / "e.zip", evil), "convert").id == "bundle.torchscript_not_allowed"
    import pathlib

    assert not pathlib.Path("/tmp/sightline-was-here").exists()


@pytest.mark.parametrize("name", ["data.PKL", "Data.pkl", "DATA.PKL"])
def test_a_pickle_is_one_however_its_name_is_written(tmp_path, refusal, name):
    """torch finds it: it looks names up without regard to capitals."""
    evil = with_pickle(archive_of(Picture()), pickle.dumps(Shell(), 2), name)
    assert torch.jit.load(io.BytesIO(with_pickle(archive_of(Picture()), pickle_of(Picture()), name)))
    assert refusal(bundle_of(tmp_path / "e.zip", evil), "convert").id == "bundle.torchscript_not_allowed"


def pickle_of(module):
    with zipfile.ZipFile(io.BytesIO(archive_of(module))) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "more",
    [
        "{root}/data.pkl", "{root}/Data.pkl", "other/data.pkl", "{root}/nested.zip", "{root}/data/x.pkl",
        "{root}/attributes.pkl", "{root}/bytecode.pkl", "{root}/CODE/__torch__.py", "../data.pkl",
    ],
)  # fmt: skip
def test_a_file_that_torch_does_not_write_is_refused(tmp_path, refusal, more):
    good = archive_of(Picture())
    evil = changed(
        good,
        lambda members: [
            *members,
            (more.format(root=members[0][0].partition("/")[0]), pickle.dumps(Shell(), 2)),
        ],
    )
    assert refusal(bundle_of(tmp_path / "e.zip", evil), "convert").id == "bundle.torchscript_not_allowed"


class Waking(Picture):
    """Has a method that loading runs."""

    @torch.jit.export
    def __getstate__(self) -> int:
        return 1

    @torch.jit.export
    def __setstate__(self, state: int) -> None:
        self.training = state > 0


def test_a_method_that_loading_would_run_is_refused(tmp_path, refusal):
    error = refusal(bundle_of(tmp_path / "e.zip", archive_of(Waking())), "convert")
    assert (error.id, error.detail["found"]) == ("bundle.torchscript_not_allowed", "__getstate__")


def hook(self, input: tuple[torch.Tensor], output: torch.Tensor):  # noqa: A002  torch asks for these names
    return output + 1


def test_a_hook_is_refused_since_the_code_that_is_looked_through_does_not_hold_it(tmp_path, refusal):
    module = Picture()
    module.register_forward_hook(hook)
    error = refusal(bundle_of(tmp_path / "e.zip", archive_of(module)), "convert")
    assert error.id == "bundle.torchscript_not_allowed"
    assert error.detail["found"].startswith("__forward_hooks__")


def test_a_quantised_layer_is_refused_whose_weights_are_an_object_of_torchs_own(tmp_path, refusal):
    module = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(4, 4)))
    error = refusal(bundle_of(tmp_path / "e.zip", archive_of(module)), "convert")
    assert error.id == "bundle.torchscript_not_allowed"


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


class Recurrent(torch.nn.Module):
    """A GRU's last state, normalised."""

    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(4, 4, batch_first=True)
        self.norm = torch.nn.BatchNorm1d(4)

    def forward(self, rows):
        states, _ = self.gru(rows)
        return self.norm(states[:, -1])


def test_the_archives_that_torch_writes_pass_the_closed_list(tmp_path):
    for number, module in enumerate((Picture(), Text(), Recurrent())):
        (tmp_path / "a.pt").write_bytes(archive_of(module))
        check_archive(tmp_path / "a.pt", tmp_path / f"{number}.pt")
        torch.jit.load(tmp_path / f"{number}.pt")
    (tmp_path / "a.pt").write_bytes(b"PK")
    with pytest.raises(BundleError):
        check_archive(tmp_path / "a.pt", tmp_path / "copy.pt")


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
