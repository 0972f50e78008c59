"""What processes say in English beside the table of errors, and pages show: stages of jobs, and warnings."""

from __future__ import annotations

from django.utils.translation import gettext_noop

STAGES = (
    gettext_noop("collect marks"),
    gettext_noop("learn"),
    gettext_noop("write the bundle"),
    gettext_noop("ask the hub"),
    gettext_noop("download, in MB"),
    gettext_noop("download weights, in MB"),
    gettext_noop("hash, in MB"),
    gettext_noop("search"),
    gettext_noop("send mail"),
    gettext_noop("find duplicates"),
    gettext_noop("change documents"),
    gettext_noop("empty the trash"),
    gettext_noop("check"),
    gettext_noop("store"),
    gettext_noop("count"),
    gettext_noop("retry"),
    gettext_noop("read"),
    gettext_noop("remove"),
    gettext_noop("remove documents"),
    gettext_noop("verify"),
    gettext_noop("split long texts"),
    gettext_noop("look"),
    gettext_noop("deliver webhooks"),
    gettext_noop("measure recall and drift"),
    gettext_noop("remove photos and vectors"),
    gettext_noop("remove searches"),
    gettext_noop("end old entries of the audit log"),
    gettext_noop("end old jobs"),
    gettext_noop("make old judgements anonymous"),
    gettext_noop("encode {units} for {version}"),
    gettext_noop("index {units} of {version}"),
    gettext_noop("measure the index of {units} of {version}"),
    gettext_noop("compute {units} for {version} from {base}"),
    gettext_noop("calibrate {asked} → {units} of {version}"),
    gettext_noop("ask {version} again"),
    gettext_noop("ask {version}"),
)
WARNINGS = {
    "text.nothing_known": (
        gettext_noop("The model knows none of these words: {words}."),
        gettext_noop("These words do not say what to look for."),
    ),
    "text.unknown_words": (
        gettext_noop("The model does not know {words}; it searched for the rest."),
        gettext_noop("One part has no words that say what to look for, so it was left out."),
    ),
    "text.mended": (gettext_noop("Showing “{searched}”: nobody wrote “{words}” in these collections."),),
    "text.as_written": (
        gettext_noop("Showing “{asked}” as it is written: nobody wrote “{words}” in these collections."),
    ),
    "query.not_kept": (
        gettext_noop(
            "This search could not be kept: it has no further pages, no link, and cannot be judged."
        ),
    ),
    "encoder.words_only": (
        gettext_noop("The model is not answering, so only the words themselves were searched for."),
    ),
    "import.names_guessed": (
        gettext_noop("The {kind} does not tell which characters these names have: {names}."),
    ),
    "import.pictures_unused": (
        gettext_noop("1 picture belongs to no document: {names}."),
        gettext_noop("{count} pictures belong to no document: {names}."),
    ),
    "import.files_ignored": (
        gettext_noop("1 file was not read: {names}."),
        gettext_noop("{count} files were not read: {names}."),
    ),
    "import.drawings_not_shown": (
        gettext_noop("Drawings in formats that are not drawn here are not shown. They are in: {names}."),
    ),
    "import.columns_ignored": (
        gettext_noop("1 column was ignored, as asked for: {names}."),
        gettext_noop("{count} columns were ignored, as asked for: {names}."),
    ),
    "import.nothing_stored": (
        gettext_noop("Nothing was stored: everything in the file was refused. Each reason is listed."),
    ),
    "import.no_text": (
        gettext_noop(
            "No text was found: the documents have pictures only. Searches for pictures find them, searches "
            "for documents by their text do not."
        ),
    ),
    "import.same_files": (
        gettext_noop("1 new document is the same file as an earlier one of the collection: {names}."),
        gettext_noop("{count} new documents are the same files as earlier ones of the collection: {names}."),
    ),
    "target.only_pictures": (
        gettext_noop("These collections have pictures but no texts to search, so you see pictures."),
        gettext_noop(
            "These collections have pictures but no texts to search: look for pictures (target “images”)."
        ),
    ),
}
"""By id, as searches (`search/retrieval`) and imports (`search/importers`) word them."""
REASONS = (
    gettext_noop("no document names it"),
    gettext_noop("the same as {other}"),
    gettext_noop("Only the first {count} pictures were taken."),
    gettext_noop("Left out: {count} × {what}."),
    gettext_noop("picture that cannot be read"),
    gettext_noop("A drawing in {kind} is not shown."),
    gettext_noop("A drawing in {kind} is not shown: “{caption}”."),
    gettext_noop("{count} drawings in {kind} are not shown."),
    gettext_noop("picture on the web, which is never fetched"),
    gettext_noop("picture that is not in the file"),
    gettext_noop("document embedded in the text"),
    gettext_noop("A file could not be read"),
    gettext_noop("The message is signed; whether the signature is right was not looked at."),
    gettext_noop("A part of the message is encrypted."),
    gettext_noop("A part of the message is elsewhere and was not fetched."),
    gettext_noop("reader"),
    gettext_noop("judge"),
    gettext_noop("curator"),
    gettext_noop("text"),
    gettext_noop("image"),
    gettext_noop("strong"),
    gettext_noop("fair"),
    gettext_noop("weak"),
    gettext_noop("minutes"),
    gettext_noop("megapixels"),
    gettext_noop("activated"),
    gettext_noop("prepared"),
    gettext_noop("resumed"),
    gettext_noop("retried"),
)
"""What stands in warnings, beside documents, and on hits."""
