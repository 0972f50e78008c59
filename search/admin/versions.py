"""A form that does not overwrite what somebody else saved while it was open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join

from search.services.versions import digest

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import QueryDict

Row = TypeVar("Row", bound="Model")


class VersionedForm(forms.ModelForm[Row]):
    """Carries the version that was shown; on another one, shows what was saved beside what was typed.

    Sent again, the form holds the new version: whoever has seen both may overwrite.
    """

    compared: ClassVar[tuple[str, ...]] = ()
    """The fields that a person edits and that the message shows."""

    version: Any = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["version"] = self.version_of(self.instance)

    def version_of(self, row: Row) -> str:
        """Return what changes with everything that this form can change."""
        return digest(*(getattr(row, name) for name in self.compared))

    def stored_now(self) -> Row | None:
        """Return the row as it is now, locked until the request ends."""
        rows = type(self.instance)._default_manager.select_for_update(no_key=True)
        return rows.filter(pk=self.instance.pk).first()

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError where somebody saved another version meanwhile."""
        values = super().clean() or {}
        shown = values.get("version")
        if not self.instance.pk or not shown:
            return values
        stored = self.stored_now()
        if stored is None:
            raise ValidationError("Somebody deleted this meanwhile.", code="changed")
        different = self._differences(stored, values)
        if self.version_of(stored) != shown and different:
            typed = cast("QueryDict", self.data).copy()
            typed[self.add_prefix("version")] = self.version_of(stored)
            self.data = typed
            raise ValidationError(_both(different), code="changed")
        return values

    def _differences(self, stored: Row, values: dict[str, Any]) -> list[tuple[str, str, str]]:
        """Return label, stored and typed text of each field in which the two differ."""
        pairs = ((name, _text(getattr(stored, name)), _text(values[name])) for name in self._shown(values))
        return [(str(self.fields[name].label or name), a, b) for name, a, b in pairs if a != b]

    def _shown(self, values: dict[str, Any]) -> list[str]:
        return [name for name in self.compared if name in values]


def _both(different: list[tuple[str, str, str]]) -> str:
    """Return the message with what was saved beside what was typed."""
    cells = "<tr><th scope=row>{}</th><td><pre dir=auto>{}</pre></td><td><pre dir=auto>{}</pre></td></tr>"
    return format_html(
        "Somebody saved this while you edited it. Nothing of yours is stored yet: "
        "save again to replace what they saved, or take over below what you want to keep of it."
        "<table class=changed-meanwhile><thead><tr><th scope=col>Field</th><th scope=col>They saved</th>"
        "<th scope=col>You typed</th></tr></thead><tbody>{}</tbody></table>",
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
