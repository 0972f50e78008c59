"""Two versions beside each other: one question's answers, blind preferences, and live searches asked of both."""
