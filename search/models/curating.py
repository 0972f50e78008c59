"""What curators changed, and what they deleted but can have back.

A trashed document is moved out: no row of it stays in `search_document` or in any table that belongs to documents, so
no search, count, facet, suggestion or export can meet it, however it is written. All of it is kept in one row here.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.models.collection import Collection
from search.models.document import Document


class ChangeSet(models.Model):
    """One change of one document or of many: one that a curator asked for, or that came by the API, the admin or a job.

    An import or a round of a source is one change, counted by its `job`; it has no documents here.
    Its documents are noted when it is asked for (`ChangedDocument`), and changed at once or by `job`. `detail` is what
    the action needs. A set is undone at most once, by the set whose `undoes` it is.
    """

    class Action(models.TextChoices):
        """What was done."""

        ADD_TAGS = "add_tags", gettext_lazy("added tags")
        REMOVE_TAGS = "remove_tags", gettext_lazy("removed tags")
        SET_FIELD = "set_field", gettext_lazy("set a field")
        REMOVE_FIELD = "remove_field", gettext_lazy("removed a field")
        MOVE = "move", gettext_lazy("moved to another collection")
        MERGE = "merge", gettext_lazy("merged duplicates")
        TRASH = "trash", gettext_lazy("moved to the trash")
        RESTORE = "restore", gettext_lazy("restored from the trash")
        UNDO = "undo", gettext_lazy("took a change back")
        CREATE = "create", gettext_lazy("added a document")
        EDIT = "edit", gettext_lazy("changed a document")
        DELETE = "delete", gettext_lazy("deleted for good")
        ERASE_FILE = "erase_file", gettext_lazy("erased a former version of a file")
        IMPORT = "import", gettext_lazy("imported documents")
        ROUND = "round", gettext_lazy("read a source")

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="change_sets")
    action = models.CharField(max_length=20, choices=Action.choices)
    detail = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    job = models.ForeignKey("workers.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    undoes = models.OneToOneField("self", null=True, on_delete=models.SET_NULL, related_name="undone_by")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["collection", "-id"], name="change_set_collection")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.pk}"


class ChangedDocument(models.Model):
    """What a change set does to one document: from → to, for what it touches alone.

    waiting → done, or left with the id of the error that says why. `document_id` is no foreign key: the history
    of a document outlives it. `origin`: the change that this one takes back.
    """

    class State(models.TextChoices):
        """How far it is. `same`: the document was so already."""

        WAITING = "waiting", gettext_lazy("waiting")
        DONE = "done", gettext_lazy("done")
        SAME = "same", gettext_lazy("nothing to change")
        LEFT = "left", gettext_lazy("left as it was")

    change_set = models.ForeignKey(
        ChangeSet, on_delete=models.CASCADE, related_name="changes", db_index=False
    )
    document_id = models.BigIntegerField()
    title = models.CharField(max_length=500, blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=80, blank=True, default="")
    message = models.CharField(max_length=500, blank=True, default="")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    origin = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["change_set", "document_id"], name="document_change_once")
        ]
        indexes = [
            models.Index(fields=["change_set", "state", "id"], name="document_change_state"),
            models.Index(fields=["document_id", "-id"], name="document_change_document"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} {self.state}"


class ChangedBlob(models.Model):
    """Keeps a picture that a change took away, or brought, from being swept while the change can be taken back."""

    change = models.ForeignKey(
        ChangedDocument, on_delete=models.CASCADE, related_name="blobs", db_index=False
    )
    blob = models.ForeignKey("workers.Blob", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "blob"], name="changed_blob_once")]

    def __str__(self) -> str:
        return f"{self.blob_id} of {self.change_id}"


class NearDuplicate(models.Model):
    """A document that is nearly the same as an older one of its collection, as a job last found them."""

    document = models.OneToOneField(Document, on_delete=models.CASCADE, related_name="near_duplicate")
    same_as = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.document_id} as {self.same_as_id}"


class TrashedDocument(models.Model):
    """A deleted document as it was: `kept` holds its rows, `linked` names those elsewhere that named it."""

    document_id = models.BigIntegerField(primary_key=True)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="trashed")
    external_id = models.CharField(max_length=200)
    title = models.CharField(max_length=500, blank=True, default="")
    kept = models.JSONField()
    linked = models.JSONField(default=list)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    deleted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-deleted_at", "-document_id"]
        indexes = [models.Index(fields=["deleted_at"], name="trashed_document_deleted_at")]

    def __str__(self) -> str:
        return self.title or self.external_id


class TrashedBlob(models.Model):
    """Keeps a file of a trashed document from being swept."""

    trashed = models.ForeignKey(TrashedDocument, on_delete=models.CASCADE, related_name="blobs")
    blob = models.ForeignKey("workers.Blob", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trashed", "blob"], name="trashed_blob_once")]

    def __str__(self) -> str:
        return f"{self.blob_id} of {self.trashed_id}"
