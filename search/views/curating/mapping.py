"""Which column is what: the page between sending a table and importing it, with what would come of its first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext

from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from search.importers.looked import COLUMNS_MAX, rows_of
from search.importers.mapping import read_mapping
from search.importers.types import ImportOptions
from search.job_types import IMPORT, LOOK_AT_TABLES
from search.models import Collection, KeptTableMapping
from search.services.table_mappings import mappings_of, table_mapping_delete
from search.services.table_uploads import table_import_start, table_look_again, table_look_for
from search.views.curating.common import curators_page
from search.views.curating.mapping_form import DELIMITERS, ENCODINGS, FIELDS, TYPES, MappingForm, preview_of
from search.views.curating.shown_imports import ShownImport, shown_import
from workers.models import Job

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from search.job_types import LookParameters

CHECKS_SHOWN, ITEMS_SHOWN = 3, 20


@curators_page("GET", "HEAD", "POST")
def mapping(request: HttpRequest, collection: Collection, job_id: uuid.UUID) -> HttpResponse:
    """Show the columns of a table with what they become; a form previews, checks or imports it."""
    job, look = table_look_for(collection, job_id)
    refusal = None
    if request.method == "POST":
        try:
            if (answer := _done(request, collection, job, look)) is not None:
                return answer
        except AppError as error:
            refusal = error
    checks = _checks(collection, look)
    context = {
        "collection": collection,
        "job": job,
        "look": look,
        "refused": refusal,
        "tab": "import",
        "checks": checks,
        "checking": any(one.is_running for one in checks),
        "address": request.get_full_path(),
    } | _shown(request, collection, job, look)
    return render(request, "search/curating/mapping.html", context, status=refusal.status if refusal else 200)


def _tables(job: Job) -> list[dict[str, Any]]:
    return list(LOOK_AT_TABLES.result_of(job).tables or ())


def _checks(collection: Collection, look: LookParameters) -> list[ShownImport]:
    """Return the newest imports and checks of this very file, each with what is wrong in it."""
    rows = Job.objects.filter(type=IMPORT.name, params__blob=look.blob, params__collection=collection.pk)
    return [shown_import(job, ITEMS_SHOWN) for job in rows[:CHECKS_SHOWN]]


def _shown(request: HttpRequest, collection: Collection, job: Job, look: LookParameters) -> dict[str, Any]:
    """Return the chosen table with its form and preview; nothing while there is none."""
    tables = _tables(job)
    if not tables:
        return {}
    at = _number(request.GET.get("table", ""), len(tables))
    table = tables[at]
    if table["columns"] > COLUMNS_MAX:
        return {
            "too_wide": AppError("import.too_many_columns/page", count=table["columns"], limit=COLUMNS_MAX)
        }
    form = (
        MappingForm.of_post(request.POST, table)
        if "header" in request.POST
        else _first(collection, table, look)
    )
    return {
        "tables": tables,
        "table": table,
        "at": at,
        "form": form,
        "preview": preview_of(form, rows_of(table)),
        "fields": FIELDS,
        "types": TYPES,
        "delimiters": DELIMITERS,
        "encodings": ENCODINGS,
    }


def _first(collection: Collection, table: dict[str, Any], look: LookParameters) -> MappingForm:
    """Return the form as it is filled in at first: as the last check said, as the collection keeps it, or guessed."""
    rows = rows_of(table)
    for one in _checks(collection, look):
        asked = one.asked
        if asked and asked.mapping and read_mapping(asked.mapping).is_covered_by(rows):
            return MappingForm.of_mapping(read_mapping(asked.mapping), table)
    kept = mappings_of(collection).of(rows)
    return MappingForm.of_mapping(kept, table, is_kept=True) if kept else MappingForm.guessed(table)


def _number(text: str, end: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < end else 0


def _done(
    request: HttpRequest, collection: Collection, job: Job, look: LookParameters
) -> HttpResponse | None:
    """Do what the form's button says; None where the page is only shown again. Raises AppError `import.*`."""
    owner, tables = signed_in(request), _tables(job)
    if "document" in request.POST:
        options = ImportOptions(format="file")
        table_import_start(collection=collection, look=look, options=options, owner=owner)
        return redirect("search:curate-import", collection.slug)
    if "again" in request.POST:
        delimiter, encoding = request.POST.get("delimiter", ""), request.POST.get("encoding", "")
        newer = table_look_again(look=look, delimiter=delimiter, encoding=encoding, owner=owner)
        return redirect("search:curate-table", collection.slug, newer.pk)
    if not tables or not {"check", "import"} & request.POST.keys():
        return None
    table = tables[_number(request.GET.get("table", ""), len(tables))]
    form = MappingForm.of_post(request.POST, table)
    options = ImportOptions(mapping=form.mapping(table), table=table["name"] or None if form.only else None)
    dry_run = "check" in request.POST
    table_import_start(collection=collection, look=look, options=options, dry_run=dry_run, owner=owner)
    if dry_run:
        return redirect(f"{request.get_full_path()}#checks")
    return redirect("search:curate-import", collection.slug)


@curators_page("POST")
def forget(request: HttpRequest, collection: Collection, kept_id: int) -> HttpResponse:
    """Forget a mapping that the collection keeps."""
    table_mapping_delete(kept=get_object_or_404(KeptTableMapping, pk=kept_id, collection=collection))
    messages.success(request, gettext("The mapping is forgotten."))
    return redirect("search:curate-import", collection.slug)
