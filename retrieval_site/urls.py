"""Where everything is answered."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("search.api.urls")),
    path("", include("search.views.urls")),
]
