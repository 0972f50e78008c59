from search.models.calibration import Calibration
from search.models.collection import Collection, Membership
from search.models.document import Document, DocumentImage, Passage
from search.models.feedback import Judgement, Query, QueryPart
from search.models.saved import SavedSearch
from search.models.token import ApiToken

__all__ = [
    "ApiToken",
    "Calibration",
    "Collection",
    "Document",
    "DocumentImage",
    "Judgement",
    "Membership",
    "Passage",
    "Query",
    "QueryPart",
    "SavedSearch",
]
