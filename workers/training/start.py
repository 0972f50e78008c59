"""What a new run begins with: random weights, a pretrained image network, or a whole bundle that is trained further."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

from torch import nn

from workers.inference.adapted import ADAPTED_FROM
from workers.inference.bundles import bundle_extract
from workers.inference.manifest import Manifest
from workers.neural.errors import ModelConfigError
from workers.neural.images.split import split_before
from workers.neural.images.trunks import UsesTorchvision
from workers.neural.images.vit import VitConfig, VitTrunk
from workers.neural.images.weights import pretrained_trunk
from workers.neural.low_rank import add_low_rank
from workers.neural.native import fill_native
from workers.neural.pieces import vocabulary_in
from workers.neural.texts.pretrained import PretrainedTextEncoder
from workers.neural.texts.sentence import Bert, SentenceEncoder
from workers.neural.tokens import SPECIAL_TOKENS
from workers.neural.two_tower import TwoTower, TwoTowerConfig
from workers.neural.words import fill_words
from workers.training.errors import TrainingError
from workers.training.packages import sentence_source, weights_source
from workers.training.recipe import Recipe
from workers.training.seen_words import forget_unseen
from workers.training.sentence_model import SentenceModel

VOCABULARY_FILE, TOKENIZER_FILE = "vocabulary.txt", "tokenizer.json"
"""What a bundle of ours calls its words, or its pieces of words."""


def build_model(recipe: Recipe, vocabulary: int) -> TwoTower:
    """The recipe's model with its starting weights. Raises ModelConfigError, WeightsError or TrainingError."""
    config = TwoTowerConfig(
        recipe.embedding_dim,
        vocabulary,
        recipe.image,
        recipe.text,
        recipe.similarity,
        recipe.mirror,
        recipe.scales,
    )
    _check_gradient(recipe)
    _check_views(recipe)
    if recipe.start.bundle:
        return _from_bundle(config, Path(recipe.start.bundle))
    model = config.build()
    if recipe.start.weights != "none":
        if not isinstance(recipe.image, UsesTorchvision):
            raise ModelConfigError(
                f"start.weights is for torchvision's networks, not for {recipe.image.kind}."
            )
        model.image.trunk, _ = pretrained_trunk(recipe.image, weights_source(recipe.start.weights))
    if recipe.start.sentence:
        source = SentenceModel(sentence_source(recipe.start.sentence))
        for encoder in model.text.modules():
            if isinstance(encoder, SentenceEncoder):
                source.fill(cast("Bert", encoder.pretrained), encoder.config)
    return model


def pretrained_texts(model: TwoTower) -> list[PretrainedTextEncoder]:
    """The text encoders that have a pretrained part."""
    return [module for module in model.text.modules() if isinstance(module, PretrainedTextEncoder)]


def tune_sentences(model: TwoTower, layers: int) -> None:
    """Train so many last layers of the pretrained text encoders along; the others stay as they are."""
    for encoder in pretrained_texts(model):
        for layer in list(encoder.blocks)[max(0, len(encoder.blocks) - layers) :]:
            layer.requires_grad_()


def begin_words(
    model: TwoTower, recipe: Recipe, vocabulary: Sequence[str], say: Callable[[str], None]
) -> None:
    """Give the known words the vectors of `start.words`, if there is such a file, and say how many have one.

    Freezes the word vectors unless `start.tune_words`. Raises WeightsError or ModelConfigError.
    """
    start = recipe.start
    if start.words and start.bundle:
        raise ModelConfigError(
            "start.words and start.bundle exclude each other: a bundle has its own word vectors."
        )
    tables = _word_tables(model.text)
    if start.words:
        found = min(fill_words(table, vocabulary, Path(start.words)) for table in tables)
        words = len(vocabulary) - len(SPECIAL_TOKENS)
        say(f"{found} of {words} known words begin with a vector of {Path(start.words).name}")
    for table in tables:
        table.requires_grad_(start.tune_words)


def forget_unseen_pieces(
    model: TwoTower, recipe: Recipe, captions: Sequence[Sequence[Sequence[int]]], say: Callable[[str], None]
) -> None:
    """Let pieces of words that none of the training captions' tokens name begin, and so stay, as zeros."""
    tables = _word_tables(model.text)
    if recipe.reads_pieces and tables and not (recipe.start.bundle or recipe.start.words):
        seen = forget_unseen(tables, {token for group in captions for tokens in group for token in tokens})
        say(f"{seen} of {tables[0].num_embeddings} pieces of words are in the training captions")


def _word_tables(text: nn.Module) -> list[nn.Embedding]:
    """The word vectors that a run learns; a pretrained sentence encoder's are its own."""
    encoders = (module for module in text.modules() if isinstance(module, PretrainedTextEncoder))
    pretrained = {part for encoder in encoders for part in encoder.pretrained.modules()}
    return [
        module for module in text.modules() if isinstance(module, nn.Embedding) and module not in pretrained
    ]


class TrunkParts(NamedTuple):
    """What of an image network is computed once, and what is trained behind that; None where there is no such part."""

    early: nn.Module | None
    late: nn.Module | None


def trained_parts(trunk: nn.Module, recipe: Recipe) -> TrunkParts:
    """Freeze what is not trained. Raises ModelConfigError where `start.tune_from` names no place in the network."""
    start = recipe.start
    trunk.requires_grad_(requires_grad=start.tune == "all" and not start.tune_from and not start.tune_blocks)
    if start.tune_blocks:
        return _last_blocks(trunk, recipe)
    if start.lora_rank:
        return TrunkParts(None, None)
    if not start.tune_from:
        return TrunkParts(None if start.tune == "all" else trunk, None)
    if start.tune != "all":
        raise ModelConfigError(
            "start.tune_from trains a part of the network, start.tune=head none: choose one."
        )
    if recipe.pixels.crop == "ten":
        raise ModelConfigError(
            "start.tune_from keeps single views of a picture: it goes with pixels.crop=center only."
        )
    early, late = split_before(trunk, start.tune_from)
    late.requires_grad_()
    return TrunkParts(early, late)


def add_lora(model: TwoTower, recipe: Recipe) -> None:
    """Let both networks of an imported model learn by `start.lora_rank`. Raises ModelConfigError for another model."""
    start, trunk = recipe.start, model.image.trunk
    if not start.lora_rank:
        return
    if not isinstance(trunk, VitTrunk) or start.tune != "all" or start.tune_from or start.tune_blocks:
        raise ModelConfigError(
            "start.lora_rank is for imported models: it goes with image.kind=vit and start.tune=all, and not with "
            "start.tune_from or start.tune_blocks."
        )
    for network in (trunk, *(encoder.pretrained for encoder in pretrained_texts(model))):
        add_low_rank(network, start.lora_rank)


def _last_blocks(trunk: nn.Module, recipe: Recipe) -> TrunkParts:
    if not isinstance(trunk, VitTrunk) or recipe.start.tune != "all" or recipe.start.tune_from:
        raise ModelConfigError(
            "start.tune_blocks trains the last blocks of a vision transformer: it goes with image.kind=vit and "
            "start.tune=all, and not with start.tune_from."
        )
    early, late = trunk.split(recipe.start.tune_blocks)
    for part in late.learnt():
        part.requires_grad_()
    return TrunkParts(early, late)


def bundle_vocabulary(bundle: Path) -> list[str]:
    """The vocabulary of the bundle that a run begins with."""
    with opened_base(bundle) as (folder, _):
        if (folder / TOKENIZER_FILE).exists():
            return vocabulary_in((folder / TOKENIZER_FILE).read_text())
        return (folder / VOCABULARY_FILE).read_text().splitlines()


def _check_gradient(recipe: Recipe) -> None:
    """What is discretised has no gradient: a network behind it would never learn."""
    if getattr(recipe.image, "discretise", False) and not recipe.frozen:
        raise ModelConfigError(
            "Discretised features give their network no gradient: set start.tune=head, or image.discretise=false."
        )


def _check_views(recipe: Recipe) -> None:
    """Refuse what the parts of a recipe cannot do together."""
    if recipe.reads_as_bundle and not recipe.start.bundle:
        raise ModelConfigError(
            "A text encoder of kind transformer begins with an imported model: set start.bundle to its bundle."
        )
    if isinstance(recipe.image, VitConfig) and recipe.scales != (1.0,):
        raise ModelConfigError("A vision transformer takes pictures of one size: scales must be [1.0].")
    if (recipe.mirror or recipe.scales != (1.0,)) and recipe.pixels.crop == "ten":
        raise ModelConfigError(
            "Ten crops are ten views already: mirror and scales go with pixels.crop=center only."
        )


def _from_bundle(config: TwoTowerConfig, bundle: Path) -> TwoTower:
    """The recipe's shape must be the bundle's; what only training knows, such as dropout, may differ."""
    with opened_base(bundle) as (folder, manifest):
        native = manifest.payloads.native
        return fill_native(config.build(), folder / (native.weights if native else ""))


@contextmanager
def opened_base(bundle: Path) -> Iterator[tuple[Path, Manifest]]:
    """The folder of a bundle that training can go on from, and its manifest. Raises TrainingError or BundleError."""
    if not bundle.is_file():
        raise TrainingError(f"There is no bundle {bundle} to begin with.")
    with tempfile.TemporaryDirectory() as folder:
        manifest = bundle_extract(bundle, Path(folder) / "bundle")
        if manifest.adapter is not None:
            raise TrainingError(
                f"{bundle.name} has an adapter, which training would lose. Begin with the bundle of the version that "
                f"it was adapted from{_named(manifest)}, and learn from marks again once the next version is ready."
            )
        if manifest.payloads.native is None or manifest.text is None:
            raise TrainingError(f"{bundle.name} holds no native weights of both encoders to begin with.")
        yield Path(folder) / "bundle", manifest


def _named(manifest: Manifest) -> str:
    base = manifest.training.get(ADAPTED_FROM)
    return f" ({base})" if isinstance(base, str) else ""
