"""Where everything is answered."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from retrieval_site.branding.views import accent, brand_file, manifest
from retrieval_site.posting import takes_form

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # by the one page that knows the second factor

urlpatterns = [
    path("", include("retrieval_site.accounts.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_password")),
    path("admin/password_change/done/", RedirectView.as_view(pattern_name="mfa_index")),
    path("admin/logout/", takes_form(opens="admin:index")(admin.site.logout)),
    path("language/", takes_form(opens="search:home")(set_language), name="set_language"),
    path("brand/accent.css", accent, name="brand_accent"),
    path("brand/<slug:name>", brand_file, name="brand_file"),
    path("site.webmanifest", manifest, name="manifest"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("search.api.urls")),
    path("", include("search.views.urls")),
]

handler400 = "retrieval_site.handlers.bad_request"
handler403 = "retrieval_site.handlers.permission_denied"
handler404 = "retrieval_site.handlers.page_not_found"
handler500 = "retrieval_site.handlers.server_error"
handler429 = "retrieval_site.handlers.too_many_requests"  # where allauth counts
