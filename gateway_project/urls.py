"""Which pages does Django serve? The admin, the pages of people, and a landing page; the data path never comes here."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView, TemplateView

from gateway_project.own_password import own_password
from gateway_project.shared_sign_in import sign_in
from gateway_project.sign_in import change_password
from openai_api.manage.entry import manage, redoc, swagger

handler400 = "gateway_project.bad_request.bad_request"
handler403 = "gateway_project.error_pages.permission_denied"
handler404 = "gateway_project.error_pages.page_not_found"
handler500 = "gateway_project.error_pages.server_error"
urlpatterns = [
    path("", TemplateView.as_view(template_name="gateway_project/landing.html"), name="landing"),
    path("ui", RedirectView.as_view(pattern_name="admin:index"), name="ui"),
    path("ui/", RedirectView.as_view(pattern_name="admin:index")),
    path("me/password/", own_password, name="own_password"),
    path("me/", include("openai_api.me.urls")),
    path("admin/login/", sign_in),
    *([path("admin/", include("gateway_project.sso.urls"))] if settings.GATEWAY_SSO else []),
    path("admin/password_change/", admin.site.admin_view(change_password, cacheable=True)),
    path("docs", swagger, name="docs"),
    path("docs/", swagger),
    path("docs/redoc", redoc, name="redoc"),
    path("docs/redoc/", redoc),
    re_path(r"^manage(?:/|$)", manage),
    path("admin/", admin.site.urls),
]
