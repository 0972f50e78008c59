import pytest
from django.contrib.auth.models import User

from search.curating.start import change_start, picked_documents
from search.models import Document, Membership
from search.services.fields import fields_count
from tests.support.browser import *  # noqa
from tests.support.browser import accessibility_problems, overflow

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_shots(site, open_context, client):
    ann = User.objects.create_user("ann", password="x")
    for c in (site.notes, site.private):
        Membership.objects.create(collection=c, user=ann, role="curator")
    docs = list(Document.objects.filter(collection=site.notes)[:6])
    fields_count()
    a = change_start(
        collection=site.notes,
        action="add_tags",
        detail={"tags": ["checked", "hall"]},
        documents=picked_documents(site.notes, [d.pk for d in docs]),
        by=ann,
    )
    change_start(
        collection=site.notes,
        action="trash",
        detail={},
        documents=picked_documents(site.notes, [d.pk for d in docs[:2]]),
        by=ann,
    )
    client.force_login(ann)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}
    problems = []
    for name, (w, h) in {"wide": (1440, 900), "narrow": (390, 844)}.items():
        for scheme in ("light", "dark"):
            ctx = open_context(viewport={"width": w, "height": h}, color_scheme=scheme)
            ctx.add_cookies([cookie])
            p = ctx.new_page()
            for n, path in {
                "list": "/curate/",
                "new": "/curate/new-collection/",
                "docs": "/curate/in/notes/",
                "grid": "/curate/in/notes/?view=grid",
                "changes": "/curate/in/notes/changes/",
                "change": f"/curate/in/notes/changes/{a.pk}/",
                "trash": "/curate/in/notes/trash/",
                "fields": "/curate/in/notes/fields/",
                "quality": "/curate/in/notes/quality/",
            }.items():
                if n == "new":
                    continue
                p.goto(site.at(path))
                if n == "docs":
                    p.locator("[data-pick]").first.check()
                    p.locator(".curate-actions summary").first.click()
                if n == "fields":
                    p.locator("summary").first.click()
                if n == "grid":
                    p.locator(".filter-menu summary").first.click()
                p.screenshot(path=f"/tmp/shots/{n}-{name}-{scheme}.png")
                if overflow(p) > 0:
                    problems.append((n, name, "overflow", overflow(p)))
                problems += [(n, name, scheme, x) for x in accessibility_problems(p)]
    for x in problems:
        print("PROBLEM", x)
