"""What is made ready at the start? The secrets of second factors move with the keys, and no page shows rows of the library."""

from __future__ import annotations

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin

from gateway_project.sso.adapters import PURPOSE
from models_catalog.secrets.foreign import JsonSecrets, keep

HIDDEN = (EmailAddress, EmailConfirmation, Authenticator, SocialAccount, SocialApp, SocialToken)
"""The library registers pages for them, which show secrets, and lists of what is never used here."""


def start() -> None:
    """After the admin has found all pages."""
    keep(JsonSecrets(Authenticator, "data", ("secret", "seed"), PURPOSE))
    for model in HIDDEN:
        if admin.site.is_registered(model):
            admin.site.unregister(model)
    admin.site.login_template = "gateway_project/sso/sign_in.html"
