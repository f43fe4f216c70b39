"""Which pages does Django serve? The admin and a landing page; the data path never comes here."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView, TemplateView

from gateway_project.sign_in import change_password

handler400 = "gateway_project.bad_request.bad_request"
handler500 = "gateway_project.server_error.server_error"
urlpatterns = [
    path("", TemplateView.as_view(template_name="gateway_project/landing.html"), name="landing"),
    path("ui", RedirectView.as_view(pattern_name="admin:index"), name="ui"),
    path("ui/", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/password_change/", admin.site.admin_view(change_password, cacheable=True)),
    path("admin/", admin.site.urls),
]
