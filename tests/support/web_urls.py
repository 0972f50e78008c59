"""Sightline's addresses, and some that take long, answer much, or tell what they were told."""

from __future__ import annotations

import hashlib
import time
from itertools import chain
from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from retrieval_site.bodies import BodyRule, takes_body
from retrieval_site.urls import handler400, handler403, handler404, handler500, urlpatterns

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["handler400", "handler403", "handler404", "handler500"]


def slow(request: HttpRequest, seconds: str) -> HttpResponse:
    time.sleep(float(seconds))
    return HttpResponse("slept")


def much(request: HttpRequest, mebibytes: int) -> HttpResponse:
    return HttpResponse(b"x" * (mebibytes << 20))


@csrf_exempt
@takes_body(BodyRule("import_max_bytes"))
def told(request: HttpRequest) -> JsonResponse:
    """What the application sees of a request."""
    time.sleep(float(request.GET.get("seconds", "0")))
    digest, size = hashlib.sha256(), 0
    form = str(request.content_type).startswith("multipart")
    for chunk in chain(*(file.chunks() for file in request.FILES.values())) if form else [request.body]:
        digest.update(chunk)
        size += len(chunk)
    return JsonResponse(
        {
            "headers": {name: str(value) for name, value in request.META.items() if name.startswith("HTTP_")},
            "script_name": request.META["SCRIPT_NAME"],
            "address": request.build_absolute_uri(),
            "caller": request.META["REMOTE_ADDR"],
            "bytes": size,
            "sha256": digest.hexdigest(),
        }
    )


urlpatterns = [
    path("test/slow/<str:seconds>/", slow),
    path("test/much/<int:mebibytes>/", much),
    path("test/told/", told),
    *urlpatterns,
]
