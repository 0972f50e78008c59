"""Why starting, or going on, is refused: one sentence that a person can act on."""


class SupervisorError(Exception):
    """A start that cannot go on; its text is printed as it is, without a traceback."""
