"""The addresses of API v1; the names are fixed by what programs already call."""

from __future__ import annotations

from django.urls import path

from search.api.views import (
    collections,
    documentation,
    documents,
    fields,
    hit_exports,
    imports,
    jobs,
    judgements,
    models,
    saved,
    search,
    suggestions,
)

app_name = "api"
urlpatterns = [
    path("search/", search.SearchView.as_view(), name="search"),
    path("search/<uuid:query_id>/", search.KeptSearchView.as_view(), name="search-kept"),
    path("search/<uuid:query_id>/export.csv", hit_exports.HitsCsvView.as_view(), name="search-export-csv"),
    path("search/<uuid:query_id>/export.json", hit_exports.HitsJsonView.as_view(), name="search-export-json"),
    path("searches/", saved.MadeSearchListView.as_view(), name="searches"),
    path("searches/saved/", saved.SavedSearchListView.as_view(), name="saved-searches"),
    path("searches/saved/<int:saved_id>/", saved.SavedSearchView.as_view(), name="saved-search"),
    path("suggestions/", suggestions.SuggestionView.as_view(), name="suggestions"),
    path("embeddings/", search.EmbeddingView.as_view(), name="embeddings"),
    path("collections/", collections.CollectionListView.as_view(), name="collections"),
    path("collections/<slug:slug>/", collections.CollectionView.as_view(), name="collection"),
    path("documents/", documents.DocumentListView.as_view(), name="documents"),
    path("documents/import/", imports.ImportView.as_view(), name="documents-import"),
    path("documents/<int:document_id>/", documents.DocumentView.as_view(), name="document"),
    path("fields/", fields.FieldListView.as_view(), name="fields"),
    path("fields/values/", fields.FieldValuesView.as_view(), name="fields-values"),
    path("jobs/", jobs.JobListView.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>/", jobs.JobView.as_view(), name="job"),
    path("jobs/<uuid:job_id>/failed/", jobs.JobItemsView.as_view(), name="job-failed"),
    path("jobs/<uuid:job_id>/cancel/", jobs.JobCancelView.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/pause/", jobs.JobPauseView.as_view(), name="job-pause"),
    path("jobs/<uuid:job_id>/resume/", jobs.JobResumeView.as_view(), name="job-resume"),
    path("jobs/<uuid:job_id>/retry/", jobs.JobRetryView.as_view(), name="job-retry"),
    path("jobs/<uuid:job_id>/undo/", jobs.JobUndoView.as_view(), name="job-undo"),
    path("models/", models.ModelListView.as_view(), name="models"),
    path("models/rollback/", models.ModelRollbackView.as_view(), name="models-rollback"),
    path("models/<str:model>/", models.ModelView.as_view(), name="model"),
    path("models/<str:model>/prepare/", models.ModelPrepareView.as_view(), name="model-prepare"),
    path("models/<str:model>/measure/", models.ModelMeasureView.as_view(), name="model-measure"),
    path("models/<str:model>/activate/", models.ModelActivateView.as_view(), name="model-activate"),
    path("models/<str:model>/retire/", models.ModelRetireView.as_view(), name="model-retire"),
    path("judgements/", judgements.JudgementListView.as_view(), name="judgements"),
    path("judgements/<int:judgement_id>/", judgements.JudgementView.as_view(), name="judgement"),
    path("judgements/export.qrels", judgements.QrelsView.as_view(), name="judgements-qrels"),
    path("judgements/export.csv", judgements.CsvView.as_view(), name="judgements-csv"),
    path("schema/", documentation.SchemaView.as_view(), name="schema"),
    path("docs/", documentation.DocsView.as_view(), name="docs"),
]
