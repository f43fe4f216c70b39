"""What does django-allauth ask of the project? The provider, how it is reached, how secrets are kept."""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.http import HttpRequest

from models_catalog.secrets.foreign import opened, seal
from providers.types import Secret

PURPOSE = "mfa_authenticator"
OPENID_CONNECT = "openid_connect"
MOST_REDIRECTS = 2


class OneProvider(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The provider that the settings name, and none of the database's: no row has a client secret."""

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        issuer = settings.GATEWAY_OIDC_ISSUER
        if not issuer or provider not in (None, OPENID_CONNECT, issuer):
            return []
        return [
            SocialApp(
                provider=OPENID_CONNECT,
                provider_id=issuer,
                name=settings.GATEWAY_OIDC_NAME,
                client_id=settings.GATEWAY_OIDC_CLIENT_ID,
                secret=settings.GATEWAY_OIDC_CLIENT_SECRET.reveal(),
                settings={
                    "server_url": issuer.rstrip("/"),
                    "scope": settings.GATEWAY_OIDC_SCOPES,
                    "oauth_pkce_enabled": True,
                },
            )
        ]

    def get_requests_session(self) -> Any:
        """No proxy of the environment, no `.netrc`; the authorities of `SSL_CERT_FILE` where that is set."""
        session = super().get_requests_session()
        session.trust_env = False
        session.verify = settings.SSL_CERT_FILE or True
        session.max_redirects = MOST_REDIRECTS
        return session


class SealedFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are ciphertext in the database, as those of providers are."""

    def encrypt(self, text: str) -> str:
        return seal(Secret(text), PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        return opened(encrypted_text, PURPOSE).reveal()

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())
