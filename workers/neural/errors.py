"""What can be wrong with a model's description or weights."""


class ModelConfigError(ValueError):
    """A config that names an unknown part, key or value; the message is a sentence for a person."""


class WeightsError(ValueError):
    """Weights that cannot be read or do not fit the architecture; the message is a sentence for a person."""
