"""The shapes of an explanation in the API's answers, for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

Answer = serializers.Serializer[Any]


class WhyWordAnswer(Answer):
    """A word of a text; `share` is its part of what carried the hit, below 0 where it spoke against it."""

    text = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    share = serializers.FloatField()
    matched = serializers.BooleanField(help_text="the other side of the search has this word too")


class WhyRegionsAnswer(Answer):
    """A grid over a picture, row by row, with the shares of its cells."""

    shares = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    box = serializers.ListField(
        child=serializers.FloatField(),
        help_text="where the grid lies: left, top, width and height in shares of the picture's sides",
    )


class WhySideAnswer(Answer):
    """What carried a hit in one thing: in the words of a text, in the regions of a picture."""

    words = WhyWordAnswer(many=True, allow_null=True)
    regions = WhyRegionsAnswer(allow_null=True)
    closeness = serializers.FloatField(
        allow_null=True,
        help_text="of a part: how many deviations above unrelated units the hit lies by it alone",
    )


class WhyAnswer(Answer):
    """Why a hit was found: by each part of the query, and by what was found."""

    parts = WhySideAnswer(many=True)
    found = WhySideAnswer()
    by_words = serializers.BooleanField(help_text="nothing but words was compared")
