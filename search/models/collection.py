"""Corpora and who may see and curate them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy
from search.querysets import CollectionQuerySet

LANGUAGES = [
    (name, "any other" if name == "simple" else name.title())
    for name in (
        *(
            "english",
            "simple",
            "arabic",
            "armenian",
            "basque",
            "catalan",
            "danish",
            "dutch",
            "finnish",
            "french",
        ),
        *("german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali"),
        *(
            "norwegian",
            "portuguese",
            "romanian",
            "russian",
            "serbian",
            "spanish",
            "swedish",
            "tamil",
            "turkish",
        ),
        "yiddish",
    )
]
"""PostgreSQL's text search configurations, with what people call them."""


class Collection(models.Model):
    """A named corpus of documents with its own visibility and curators."""

    class Visibility(models.TextChoices):
        """Public: everybody who may search. Private: members only."""

        PUBLIC = "public", gettext_lazy("public")
        PRIVATE = "private", gettext_lazy("private")

    class Recognition(models.TextChoices):
        """Which pictures of text are read."""

        NONE = "none", gettext_lazy("nothing")
        PAGES = "pages", gettext_lazy("scanned pages")
        ALL = "all", gettext_lazy("scanned pages, figures and photographs")

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    visibility = models.CharField(max_length=10, choices=Visibility.choices, default=Visibility.PRIVATE)
    language = models.CharField(
        max_length=20,
        choices=LANGUAGES,
        default="english",
        help_text="The language of its texts, by which words match their other forms.",
    )
    keep_originals = models.BooleanField(
        "keep originals",
        default=False,
        help_text="Keep pictures as they were sent, with place, time, camera and everything else that their files say. "
        "Otherwise only the orientation and the colour profile are kept.",
    )
    keep_files = models.BooleanField(
        "keep files",
        default=True,
        help_text="Keep the files that documents are made of (PDF, Word, …), so that who finds one can open it.",
    )
    character_recognition = models.CharField(
        "read by character recognition",
        max_length=10,
        choices=Recognition.choices,
        default=Recognition.PAGES,
        help_text="What is read letter by letter, beside text that files hold as such.",
    )
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A role that a user has in a collection, or that all users of a group have."""

    class Role(models.TextChoices):
        """What each allows, from the least on; each allows what those before it do."""

        READER = "reader", gettext_lazy("search")
        JUDGE = "judge", gettext_lazy("search and judge")
        CURATOR = "curator", gettext_lazy("search, judge and curate")

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.READER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "user"], name="membership_once"),
            models.UniqueConstraint(fields=["collection", "group"], name="membership_group_once"),
            models.CheckConstraint(
                condition=models.Q(user=None) ^ models.Q(group=None), name="membership_of_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.collection}"  # the log of the admin keeps it: it names nobody


class GuestLink(models.Model):
    """A way for people without an account to read a collection until it ends; only its key's SHA-256 is kept."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="guest_links")
    note = models.CharField(max_length=200, blank=True, default="")
    digest = models.CharField(max_length=64, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.note or f"guest link {self.pk}"
