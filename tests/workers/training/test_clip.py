"""Published CLIP models as bundles, on one of random weights: what transformers makes of it is what is served."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.published import reference_texts, tiny_model, write_weights
from tests.support.published_tokenizers import gemma_bpe, siglip2_reference
from workers.inference.bundles import bundle_extract
from workers.inference.byte_pairs import BytePairTokenizer
from workers.inference.encoder import load_encoder
from workers.inference.pictures import open_picture
from workers.inference.validation import validate_bundle
from workers.training.clip import read_published

MERGES = ["t h", "th e</w>", "i n", "in g</w>", "p u", "pu m", "pum p</w>", "r e", "re d</w>"]
TEXTS = ["the red pump", "a", "Rusting; it's 40 years old, and the other one is newer than that!"]
SIZE, LENGTH, DIM = 48, 24, 16
ASSIGNED = st.characters(exclude_categories=["Cn", "Co", "Cs"])
"""Characters that exist: libraries differ in what class they take the others for."""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The folder of a small CLIP model, as it would be downloaded."""
    folder, pieces = tmp_path_factory.mktemp("clip") / "Tiny-CLIP", BytePairTokenizer(MERGES).vocabulary
    tokenizer = transformers.CLIPTokenizerFast(
        vocab={piece: at for at, piece in enumerate(pieces)}, merges=[tuple(m.split()) for m in MERGES]
    )
    common = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    }  # fmt: skip
    words = {"vocab_size": len(pieces), "max_position_embeddings": LENGTH, "eos_token_id": len(pieces) - 1}
    torch.manual_seed(0)
    model = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config=common | words | {"bos_token_id": len(pieces) - 2, "pad_token_id": 0},
            vision_config=common | {"image_size": SIZE, "patch_size": 16},
            projection_dim=DIM,
        )
    )
    for weight in model.parameters():  # as they are drawn, all pictures look nearly alike
        weight.data *= 4 if weight.dim() > 1 else 1
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size=SIZE)
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)
    return folder


def pictures():
    """Pictures of several shapes, none of them even."""
    random = np.random.default_rng(0)
    small = [
        random.integers(0, 255, (height, width, 3), np.uint8) for height, width in ((5, 9), (8, 6), (7, 7))
    ]
    return [Image.fromarray(one).resize((one.shape[1] * 13, one.shape[0] * 13), 3) for one in small]


def png(picture, folder):
    picture.save(folder / "one.png")
    return (folder / "one.png").read_bytes()


@pytest.fixture(scope="module")
def bundle(published):
    """Its bundle, made by the command."""
    path = published.parent / "tiny.zip"
    call_command("import_clip", str(published), bundle=path, licence="MIT")
    return path


def test_the_bundle_passes_validation(bundle):
    report = validate_bundle(bundle)
    manifest = report.manifest
    assert (manifest.name, manifest.licence, manifest.dim) == ("tiny-clip", "MIT", DIM)
    assert manifest.image.interpolation == "bicubic"
    assert manifest.text.tokenizer == "clip-bpe"
    assert manifest.payloads.kinds == ("onnx", "native")
    assert min(report.probes[tower]["native_agreement"] for tower in ("image", "text")) > 0.999
    assert min(report.probes[tower]["references_agreement"] for tower in ("image", "text")) > 0.999


@pytest.mark.parametrize("named", ["Siglip2Tokenizer", "GemmaTokenizer"])
def test_siglip_2_is_read_in_small_letters_whatever_its_tokenizer_is_called(tmp_path, named):
    """Its first files call it Gemma's, which leaves capitals as they are."""
    folder, tokenizer = tmp_path / "Tiny-SigLIP-2", gemma_bpe()
    model = tiny_model("siglip2", tokenizer.get_vocab_size())
    with (
        torch.no_grad()
    ):  # its weights were enlarged so much that another rounding of pixels is another picture
        for weights in model.vision_model.parameters():
            weights.div_(3 if weights.dim() > 1 else 1)
    write_weights(folder, model)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    settings = {
        "tokenizer_class": named, "pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>",
        "unk_token": "<unk>", "add_eos_token": True, "add_bos_token": False,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    transformers.SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    call_command("import_clip", str(folder), bundle=tmp_path / "tiny.zip", licence="Apache-2.0")
    report = validate_bundle(tmp_path / "tiny.zip")
    assert min(report.probes[tower]["references_agreement"] for tower in ("image", "text")) > 0.999
    bundle_extract(tmp_path / "tiny.zip", tmp_path / "bundle")
    encoder = load_encoder(tmp_path / "bundle", device="cpu")
    small, written = encoder.encode_texts(["two men, café", "Two MEN, CAFÉ"])
    assert float(small @ written) > 0.9999
    wanted = reference_texts(model, siglip2_reference(), ["Two MEN, CAFÉ"], fixed=True)
    assert float(written @ wanted[0]) > 0.9999


def test_what_is_served_is_what_transformers_computes(bundle, published, tmp_path):
    bundle_extract(bundle, tmp_path / "bundle")
    encoder = load_encoder(tmp_path / "bundle", device="cpu")
    model = transformers.CLIPModel.from_pretrained(published).eval()
    tokenizer = transformers.CLIPTokenizerFast.from_pretrained(published)
    texts = tokenizer(TEXTS, padding=True, truncation=True, max_length=LENGTH, return_tensors="pt")
    pixels = transformers.CLIPImageProcessor.from_pretrained(published)(pictures(), return_tensors="pt")
    with torch.inference_mode():
        wanted = model(**texts, **pixels)
    found = encoder.encode_pictures([open_picture(png(picture, tmp_path)) for picture in pictures()])
    assert (found * wanted.image_embeds.numpy()).sum(1).min() > 0.999
    assert (found @ found.T)[~np.eye(3, dtype=bool)].max() < 0.99
    assert (encoder.encode_texts(TEXTS) * wanted.text_embeds.numpy()).sum(1).min() > 0.9999


@pytest.fixture(scope="module")
def tokenizers(published):
    """Ours and the published one."""
    ours = BytePairTokenizer(read_published(str(published)).vocabulary.decode().splitlines())
    return ours, transformers.CLIPTokenizerFast.from_pretrained(published)


@settings(max_examples=300, deadline=None)
@given(st.text(ASSIGNED, max_size=60) | st.text("the redpuming'!.,0123 \n", max_size=60))
def test_any_text_has_the_published_tokens(tokenizers, text):
    ours, theirs = tokenizers
    assert ours.encode(text, 10_000) == theirs(text).input_ids


def test_weights_in_float16_take_half_the_room(bundle, published, tmp_path):
    call_command(
        "import_clip", str(published), bundle=tmp_path / "half.zip", half=True, pages=True, name="half"
    )
    assert (tmp_path / "half.zip").stat().st_size < 0.75 * bundle.stat().st_size
    manifest = validate_bundle(tmp_path / "half.zip").manifest
    assert (manifest.name, manifest.units) == ("half", ("page",))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (shutil.rmtree, "No CLIP model can be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "No CLIP model can be read"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"),
            "No CLIP model can be read",
        ),
        (lambda folder: (folder / "config.json").write_text("{"), "No CLIP model can be read"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "No CLIP model can be read"),
    ],
)
def test_what_is_no_model_is_refused_in_a_sentence_and_leaves_nothing(published, tmp_path, spoil, reason):
    folder = tmp_path / "spoilt"
    shutil.copytree(published, folder)
    spoil(folder)
    with pytest.raises(CommandError, match=reason):
        call_command("import_clip", str(folder), bundle=tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def test_another_preparation_of_pictures_is_refused(published, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(published, folder)
    transformers.CLIPImageProcessor(size={"height": 32, "width": 24}, do_center_crop=False).save_pretrained(
        folder
    )
    with pytest.raises(CommandError, match="prepares pictures in another way"):
        call_command("import_clip", str(folder), bundle=tmp_path / "b.zip")
