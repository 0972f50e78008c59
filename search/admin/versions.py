"""A form that does not overwrite what somebody else saved while it was open."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from search.services.versions import digest

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import QueryDict

Row = TypeVar("Row", bound="Model")
_MARK_DIGITS = 16


class VersionedForm(forms.ModelForm[Row]):
    """Carries the version of each field that was shown, so that two people's changes of different fields both stay.

    Where both changed the same field it shows what was saved beside what was typed. Sent again, the form holds the new
    version: whoever has seen both may overwrite.
    """

    compared: ClassVar[tuple[str, ...]] = ()
    """The fields that a person edits."""

    version: Any = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["version"] = self._version(self.instance)

    def stored_now(self) -> Row | None:
        """Return the row as it is now, locked until the request ends."""
        rows = type(self.instance)._default_manager.select_for_update(no_key=True)
        return rows.filter(pk=self.instance.pk).first()

    def clean(self) -> dict[str, Any]:
        """Take over what others saved meanwhile in fields that are untouched here.

        Raises ValidationError where somebody saved another value in a field that was changed here, too.
        """
        values = super().clean() or {}
        shown = values.get("version")
        if not self.instance.pk or not shown:
            return values
        stored = self.stored_now()
        if stored is None:
            raise ValidationError(gettext("Somebody deleted this meanwhile."), code="changed")
        untouched, both = self._compared_with(stored, values, shown)
        values |= {name: getattr(stored, name) for name in untouched}
        if both:
            self._show_again(stored, untouched)
            raise ValidationError(_both([self._row(name, stored, values) for name in both]), code="changed")
        return values

    def _version(self, row: Row) -> str:
        return "".join(_mark(getattr(row, name)) for name in self.compared)

    def _compared_with(self, stored: Row, values: dict[str, Any], shown: str) -> tuple[list[str], list[str]]:
        """Return the fields that somebody else changed alone, and those that both changed differently."""
        marks = [shown[at : at + _MARK_DIGITS] for at in range(0, len(shown), _MARK_DIGITS)]
        untouched, both = [], []
        for name, mark in zip_longest(self.compared, marks[: len(self.compared)]):
            theirs, mine = _mark(getattr(stored, name)), _mark(values.get(name))
            if name not in values or mine == theirs:
                continue
            if mine == mark:
                untouched.append(name)
            elif theirs != mark:
                both.append(name)
        return untouched, both

    def _show_again(self, stored: Row, untouched: list[str]) -> None:
        """Let the page hold the new version, and what others saved where nothing was typed."""
        typed = cast("QueryDict", self.data).copy()
        typed[self.add_prefix("version")] = self._version(stored)
        for name in untouched:
            value = self.fields[name].prepare_value(getattr(stored, name))
            typed[self.add_prefix(name)] = "" if value is False else value
        self.data = typed

    def _row(self, name: str, stored: Row, values: dict[str, Any]) -> tuple[str, str, str]:
        """Return a field's label, what is stored and what was typed."""
        return str(self.fields[name].label or name), _text(getattr(stored, name)), _text(values[name])


def _mark(value: Any) -> str:
    """Return what tells one value of a field from another."""
    return digest(_text(value))[:_MARK_DIGITS]


def _both(different: list[tuple[str, str, str]]) -> str:
    """Return the message with what was saved beside what was typed."""
    cells = "<tr><th scope=row>{}</th><td><pre dir=auto>{}</pre></td><td><pre dir=auto>{}</pre></td></tr>"
    return format_html(
        gettext(
            "Somebody saved this while you edited it. Nothing of yours is stored yet: save again to "
            "replace what they saved, or take over below what you want to keep of it.<table "
            "class=changed-meanwhile><thead><tr><th scope=col>Field</th><th scope=col>They saved</th><th "
            "scope=col>You typed</th></tr></thead><tbody>{}</tbody></table>"
        ),
        format_html_join("", cells, different),
    )


def _text(value: Any) -> str:
    """Return a field's value as a person compares it; browsers send other line ends than programs."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False, indent=1) if value else ""
