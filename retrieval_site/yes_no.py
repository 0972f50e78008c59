"""The words that mean yes and no in an environment variable; known to the supervisor too, which runs without Django."""

YES = ("1", "true", "yes", "on", "y", "ok")
NO = ("0", "false", "no", "off", "n")
