"""What means yes and no in an environment variable, and the most days; known to the supervisor, which has no Django."""

YES = ("1", "true", "yes", "on", "y", "ok")
NO = ("0", "false", "no", "off", "n")
DAYS_MAX = 999_999
