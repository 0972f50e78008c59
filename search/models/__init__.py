from search.models.announcement import Announcement
from search.models.audit import AuditEntry
from search.models.calibration import Calibration
from search.models.collection import Collection, GuestLink, Membership
from search.models.curating import (
    ChangedBlob,
    ChangedDocument,
    ChangeSet,
    NearDuplicate,
    TrashedBlob,
    TrashedDocument,
)
from search.models.document import Document, DocumentImage, Passage
from search.models.evaluation import EvaluationQuery, EvaluationResult, EvaluationSet
from search.models.feedback import Judgement, Query, QueryPart
from search.models.field import CollectionField, FieldValue
from search.models.file import DocumentFile, DocumentPage
from search.models.identifier import DocumentIdentifier
from search.models.invitation import Invitation, InvitedRole
from search.models.judging import JudgingPair, JudgingQueue, JudgingSkip
from search.models.monitoring import DriftMeasurement, RecallMeasurement, SearchSetting
from search.models.photo_batch import BatchPhoto, PhotoBatch
from search.models.resumable_upload import ResumableUpload
from search.models.saved import SavedSearch, SearchFinding
from search.models.side_by_side import InterleavedAnswer, OpenedHit, ShadowAnswer, ShadowTally, SideBySide
from search.models.source import Source, SourceItem
from search.models.table_mapping import KeptTableMapping
from search.models.token import ApiToken
from search.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "Announcement",
    "ApiToken",
    "AuditEntry",
    "BatchPhoto",
    "Calibration",
    "ChangeSet",
    "ChangedBlob",
    "ChangedDocument",
    "Collection",
    "CollectionField",
    "Document",
    "DocumentFile",
    "DocumentIdentifier",
    "DocumentImage",
    "DocumentPage",
    "DriftMeasurement",
    "EvaluationQuery",
    "EvaluationResult",
    "EvaluationSet",
    "FieldValue",
    "GuestLink",
    "InterleavedAnswer",
    "Invitation",
    "InvitedRole",
    "Judgement",
    "JudgingPair",
    "JudgingQueue",
    "JudgingSkip",
    "KeptTableMapping",
    "Membership",
    "NearDuplicate",
    "OpenedHit",
    "Passage",
    "PhotoBatch",
    "Query",
    "QueryPart",
    "RecallMeasurement",
    "ResumableUpload",
    "SavedSearch",
    "SearchFinding",
    "SearchSetting",
    "ShadowAnswer",
    "ShadowTally",
    "SideBySide",
    "Source",
    "SourceItem",
    "TrashedBlob",
    "TrashedDocument",
    "Webhook",
    "WebhookDelivery",
]
