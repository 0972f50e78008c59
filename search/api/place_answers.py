"""The shape of a place on a page in the API's answers, for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

Answer = serializers.Serializer[Any]


class PlaceOnPageAnswer(Answer):
    """Where a passage or picture stands on a page of its document's file: what the page marks."""

    page = serializers.IntegerField(help_text="its number, from 1")
    url = serializers.CharField(help_text="where people see it marked")
    image = serializers.CharField(allow_null=True, help_text="address of its picture, null where it has none")
    width = serializers.IntegerField(help_text="of its picture, in pixels; 0 where it has none")
    height = serializers.IntegerField(help_text="of its picture, in pixels; 0 where it has none")
    boxes = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4),
        help_text="left, top, width and height of each block as fractions of the page; empty: not known",
    )
