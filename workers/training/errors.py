"""What can be wrong with a training run; the message is a sentence for a person."""


class TrainingError(Exception):
    """Data, settings or a run folder that training cannot work with."""
