"""What the operator has at the foot of each page."""

from __future__ import annotations

import dataclasses

import pytest
from django.core.exceptions import ImproperlyConfigured

from retrieval_site.config import read_config


@pytest.mark.django_db
def test_links_and_a_text_stand_at_the_foot_of_a_page(client, settings, monkeypatch) -> None:
    monkeypatch.setenv("FOOTER_LINKS", "Impressum=https://example.org/a?b=c, Datenschutz=/privacy")
    monkeypatch.setenv("FOOTER_TEXT", "<b>Ours</b>")
    read = read_config()
    settings.CONFIG = dataclasses.replace(
        settings.CONFIG, footer_links=read.footer_links, footer_text=read.footer_text
    )
    page = client.get("/login/").content.decode()
    assert '<a href="https://example.org/a?b=c" dir="auto">Impressum</a>' in page
    assert '<a href="/privacy" dir="auto">Datenschutz</a>' in page
    assert "&lt;b&gt;Ours&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "written", ["javascript:alert(1)", "x=javascript:alert(1)", "x=//elsewhere.example", "=https://a"]
)
def test_a_link_that_is_none_is_refused_at_the_start(monkeypatch, written) -> None:
    monkeypatch.setenv("FOOTER_LINKS", written)
    with pytest.raises(ImproperlyConfigured, match="FOOTER_LINKS"):
        read_config()
