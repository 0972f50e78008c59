"""The sentences that scripts say: a page in another language than English brings them along (`static/js/words.js`)."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

SENTENCES = (
    gettext_noop("1 collection"),
    gettext_noop("1 suggestion."),
    gettext_noop("All collections"),
    gettext_noop("Check your connection and try again."),
    gettext_noop("Choose one more"),
    gettext_noop("Choose one more result to compare."),
    gettext_noop("Compare these two"),
    gettext_noop("Compare two"),
    gettext_noop("Copied"),
    gettext_noop("Copy it from the address bar"),
    gettext_noop("Copy link"),
    gettext_noop("Fetching the picture…"),
    gettext_noop("Getting your photo ready…"),
    gettext_noop("Getting your {count} photos ready…"),
    gettext_noop("It has been written to the log. Try again."),
    gettext_noop("It has {size} MB; up to {most} MB can be sent."),
    gettext_noop("It is empty."),
    gettext_noop("JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF can be searched with."),
    gettext_noop("Link copied."),
    gettext_noop("Load it again and repeat what you did."),
    gettext_noop("No camera was found on this device."),
    gettext_noop("Not a photo"),
    gettext_noop("Save the picture first, or copy it and paste it here."),
    gettext_noop("Searching…"),
    gettext_noop("Sending your photo…"),
    gettext_noop("Sending your {count} photos…"),
    gettext_noop("Something broke on our side"),
    gettext_noop("Stopped. Choose the same files to go on."),
    gettext_noop("Suggestions"),
    gettext_noop("That did not work, or was broken off. Try again."),
    gettext_noop("That photo is too large"),
    gettext_noop("That was only a link"),
    gettext_noop("The browser may not use the camera. Allow it beside the address, then try again."),
    gettext_noop("The camera cannot be used here."),
    gettext_noop("The camera is being used by another program."),
    gettext_noop("The files are there. The import begins…"),
    gettext_noop("The line broke."),
    gettext_noop("The line broke. Everything that was sent is there: try again."),
    gettext_noop("The server cannot be reached"),
    gettext_noop("They have {size} MB; up to {most} MB can be sent."),
    gettext_noop("This page is too old"),
    gettext_noop("Those photos are too large"),
    gettext_noop("Tick “Compare” on two results first."),
    gettext_noop("Too many photos"),
    gettext_noop("Up to {most} photos of one thing can be searched with."),
    gettext_noop("Waiting for the camera…"),
    gettext_noop("searched before"),
    gettext_noop("{count} collections"),
    gettext_noop("{count} more results."),
    gettext_noop("{count} suggestions."),
    gettext_noop("{done} of {all} files, {share} %"),
    gettext_noop("{done} of {all} files, {share} %, {failed} failed"),
    gettext_noop("{left} % from the left, {top} % from the top, {width} % wide, {height} % high"),
    gettext_noop("{number} of {count}"),
)
"""All that is given to `translated(…)` in `static/js`."""


def script_words() -> dict[str, str]:
    """Return the sentences of scripts in the language of the page, by their English."""
    return {sentence: gettext(sentence) for sentence in SENTENCES}
