"""Where everything is answered."""

from django.contrib import admin
from django.urls import include, path

from retrieval_site.posting import takes_form
from retrieval_site.sign_in import AdminSignInForm

admin.site.login_form = AdminSignInForm

urlpatterns = [
    path("admin/logout/", takes_form(opens="admin:index")(admin.site.logout)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("search.api.urls")),
    path("", include("search.views.urls")),
]

handler400 = "retrieval_site.handlers.bad_request"
handler403 = "retrieval_site.handlers.permission_denied"
handler404 = "retrieval_site.handlers.page_not_found"
handler500 = "retrieval_site.handlers.server_error"
