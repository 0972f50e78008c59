"""A recipe in one line of words."""

from workers.training.recipe import Recipe

COLUMNS = ("recipe", "pictures", "texts", "similarity", "loss", "dim", "lr", "epochs", "network")


def recipe_row(name: str, recipe: Recipe) -> tuple[str, ...]:
    """The parts of a recipe, in the order of COLUMNS."""
    image = getattr(recipe.image, "architecture", "")
    reasoning = getattr(recipe.image, "reasoning", None)
    kind = f"{recipe.image.kind} {reasoning.kind}" if reasoning else recipe.image.kind
    texts = getattr(recipe.text, "encoders", (recipe.text,))
    tuned = "frozen" if recipe.frozen else "trained"
    if recipe.start.shape == "bundle":
        rate, epochs = f"{recipe.optimiser.lr:g}", str(recipe.run.epochs)
        return (name, *["the version's"] * 3, recipe.loss.kind, "", rate, epochs, tuned)
    return (
        name,
        f"{kind} {image}".strip(),
        " + ".join(text.kind for text in texts),
        recipe.similarity.kind,
        recipe.loss.kind,
        str(recipe.embedding_dim),
        f"{recipe.optimiser.lr:g}",
        str(recipe.run.epochs),
        tuned,
    )
