"""The pages' addresses."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from retrieval_site.accounts.views import SignInView
from retrieval_site.posting import takes_form
from search.views import (
    alerts,
    announcements,
    collections,
    comparing,
    deleting,
    documents,
    explaining,
    former_files,
    guests,
    home,
    images,
    invitations,
    judging,
    judging_room,
    marking,
    narrowing,
    pages,
    photo_text,
    photos,
    results,
    saved,
    searching,
    side_by_side,
    sources,
)
from search.views.curating import changes as curating_changes
from search.views.curating import collections as curating_collections
from search.views.curating import documents as curating_documents
from search.views.curating import fields as curating_fields
from search.views.curating import importing as curating_importing
from search.views.curating import mapping as curating_mapping
from search.views.curating import members as curating_members
from search.views.curating import quality as curating_quality
from search.views.curating import trash as curating_trash

app_name = "search"

curating = [
    path("", curating_documents.documents, name="curate-documents"),
    path("change/", curating_documents.change, name="curate-do"),
    path("changes/", curating_changes.changes, name="curate-changes"),
    path("changes/<int:change_set_id>/", curating_changes.change_set, name="curate-change"),
    path("changes/<int:change_set_id>/undo/", curating_changes.undo, name="curate-undo"),
    path("fields/", curating_fields.fields, name="curate-fields"),
    path("import/", curating_importing.importing, name="curate-import"),
    path("import/jobs/<uuid:job_id>/", curating_importing.one_import, name="curate-one-import"),
    path("import/table/<uuid:job_id>/", curating_mapping.mapping, name="curate-table"),
    path("import/mappings/<int:kept_id>/forget/", curating_mapping.forget, name="curate-forget-mapping"),
    path("members/", curating_members.members, name="curate-members"),
    path("quality/", curating_quality.quality, name="curate-quality"),
    path("duplicates/", curating_quality.duplicates, name="curate-duplicates"),
    path("trash/", curating_trash.trash, name="curate-trash"),
    path("trash/restore/", curating_trash.restore, name="curate-restore"),
    path("trash/empty/", curating_trash.empty, name="curate-empty"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("search/", searching.search, name="search"),
    path("q/<uuid:query_id>/", results.results, name="results"),
    path("q/<uuid:query_id>/again/", searching.again, name="again"),
    path("q/<uuid:query_id>/compare/", comparing.compare, name="compare"),
    path("q/<uuid:query_id>/filter/", narrowing.narrow, name="filter"),
    path("q/<uuid:query_id>/values/", narrowing.values, name="values"),
    path("q/<uuid:query_id>/why/<int:document_id>/", explaining.why, name="why"),
    path("q/<uuid:query_id>/delete/", deleting.delete, name="delete"),
    path("q/<uuid:query_id>/photo", results.photo, name="photo"),
    path("q/<uuid:query_id>/text/", photo_text.photo_text, name="photo-text"),
    path("q/<uuid:query_id>/judge/", judging.judge, name="judge"),
    path("q/<uuid:query_id>/marks/", marking.move, name="marks"),
    path("q/<uuid:query_id>/save/", saved.save, name="save"),
    path("searches/", saved.searches, name="searches"),
    path("searches/clear/", saved.clear, name="searches-clear"),
    path("searches/saved/<int:saved_id>/alerts/", alerts.alerts, name="saved-alerts"),
    path("searches/saved/<int:saved_id>/new/", alerts.findings, name="findings"),
    path("searches/unsubscribe/<str:token>/", alerts.no_more_mail, name="unsubscribe"),
    path("searches/saved/<int:saved_id>/", saved.change, name="saved-change"),
    path("judging/", judging_room.queues, name="judging"),
    path("judging/<int:queue_id>/", judging_room.queue, name="judging-queue"),
    path("judging/<int:queue_id>/delete/", judging_room.queue_end, name="judging-queue-delete"),
    path("side-by-side/", side_by_side.side_by_side, name="side-by-side"),
    path("side-by-side/<uuid:side_by_side_id>/", side_by_side.side_by_side_one, name="side-by-side-one"),
    path("side-by-side/<uuid:side_by_side_id>/prefer/", side_by_side.prefer, name="side-by-side-prefer"),
    path("photos/", photos.photos, name="photos"),
    path("photos/<uuid:batch_id>/", photos.photo_batch, name="photo-batch"),
    path("photos/<uuid:batch_id>/photo/<int:photo_id>", photos.batch_photo, name="batch-photo"),
    path("photos/<uuid:batch_id>/table.csv", photos.batch_table, name="batch-table"),
    path("photos/<uuid:batch_id>/delete/", photos.batch_delete, name="batch-delete"),
    path("documents/<int:document_id>/", documents.document, name="document"),
    path("documents/<int:document_id>/pages/<int:number>/", pages.page, name="page"),
    path("documents/<int:document_id>/file", pages.file, name="file"),
    path("documents/<int:document_id>/files/<int:file_id>", pages.former_file, name="former-file"),
    path(
        "documents/<int:document_id>/files/<int:file_id>/erase/", former_files.erase, name="former-file-erase"
    ),
    path("curate/", curating_collections.collections, name="curate"),
    path("curate/new-collection/", curating_collections.new_collection, name="curate-new"),
    path("curate/in/<slug:slug>/", include(curating)),
    path(
        "announcements/<int:announcement_id>/close/",
        announcements.close,
        name="announcement-close",
    ),
    path("collections/", collections.collections, name="collections"),
    path("collections/<slug:slug>/", collections.collection, name="collection"),
    path("collections/<slug:slug>/sources/", sources.sources, name="sources"),
    path("collections/<slug:slug>/sources/<int:source_id>/", sources.source, name="source"),
    path("images/<str:sha256>", images.image, name="image"),
    path("examples/<str:key>", home.example, name="example"),
    path("guest/", guests.guest, name="guest"),
    path("invitation/", invitations.invitation, name="invitation"),
    path("invitation/link/", invitations.invitation_link, name="invitation-link"),
    path("login/", SignInView.as_view(), name="login"),
    path("robots.txt", home.robots, name="robots"),
    path("logout/", takes_form(opens="search:home")(LogoutView.as_view()), name="logout"),
]
