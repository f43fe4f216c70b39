"""Where do the pages of single sign-on and second factors stand? Below /admin/, beside the sign-in; none of the library's own."""

from __future__ import annotations

from django.conf import settings
from django.urls import path

from gateway_project.sso import oidc, pages
from gateway_project.sso.second_step import is_asked

urlpatterns = [
    *([path("oidc/login/", oidc.start, name="oidc_login")] if settings.GATEWAY_OIDC_ISSUER else []),
    *([path("oidc/callback/", oidc.callback, name="oidc_callback")] if settings.GATEWAY_OIDC_ISSUER else []),
    *([path("second-factor/", pages.second_factor, name="second_factor")] if is_asked() else []),
]
