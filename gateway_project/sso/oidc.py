"""How does a person sign in by a provider of OpenID Connect? By an authorization code with PKCE, state and nonce.

django-allauth finds the provider's addresses, keeps the state and exchanges the code. What it leaves open is closed here: the
nonce, the signature of a token that came over the back channel, which algorithms may sign, and whose tokens they are (OpenID
Connect Core 1.0, 3.1.3.7; Discovery 1.0, 4.3).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from requests import RequestException

from gateway_project.shared_sign_in import is_person
from gateway_project.sign_in import address_of
from gateway_project.sso import refusals
from gateway_project.sso.accounts import Identity, account_for
from gateway_project.sso.refusals import Refused
from gateway_project.sso.second_step import enter
from gateway_project.sso_settings import LOOPBACK
from models_catalog.audit.actor import Actor, Source, acting

Claims = Mapping[str, Any]
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Never one whose key both sides have: the public key would be that secret."""
CLOCKS_S = 30
MOST_SUBJECT = 191
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
STRONG = "mfa"
"""The method by which a token says that several factors were asked for (RFC 8176)."""


class Provider(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One sign-in at the provider of the settings."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, settings.GATEWAY_OIDC_ISSUER)

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's own description, which must be of the issuer that was asked, and keep to its protection."""
        found: dict[str, Any] = super().openid_config
        issuer = str(found.get("issuer", ""))
        if issuer.rstrip("/") != settings.GATEWAY_OIDC_ISSUER.rstrip("/"):
            raise Refused(refusals.OTHER_ISSUER)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            parts = urlsplit(str(found.get(name, "")))
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                raise Refused(refusals.OTHER_ISSUER)
        return found

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return request.build_absolute_uri(reverse("oidc_callback"))

    @sensitive_variables()
    def claims(self, answer: Mapping[str, Any], nonce: str) -> Claims:
        """What the ID token says, and what else the provider tells of its subject."""
        token = self.verified(str(answer.get("id_token", "")))
        if not secrets.compare_digest(str(token["nonce"]).encode(), nonce.encode()):
            raise Refused(refusals.NONCE)
        if token.get("azp", settings.GATEWAY_OIDC_CLIENT_ID) != settings.GATEWAY_OIDC_CLIENT_ID:
            raise Refused(refusals.TOKEN)
        if not self.openid_config.get("userinfo_endpoint"):
            return token
        told = self._fetch_user_info(str(answer["access_token"]))
        if told.get("sub") != token["sub"]:
            raise Refused(refusals.TOKEN)
        return {**told, **token}

    @sensitive_variables()
    def verified(self, token: str) -> Claims:
        """The claims of a token that the issuer has signed for this gateway, and that is in force."""
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(answer.json()).keys
        wanted = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in keys if key.key_id == wanted), keys[0] if wanted is None and len(keys) == 1 else None)
        if key is None:
            raise Refused(refusals.TOKEN)
        found: Claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=settings.GATEWAY_OIDC_CLIENT_ID,
            issuer=self.openid_config["issuer"],
            leeway=CLOCKS_S,
            options={"require": REQUIRED},
        )
        return found


def identity_of(claims: Claims) -> Identity:
    """Whom the claims tell of. Raises `Refused` where they are not what they must be."""
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MOST_SUBJECT:
        raise Refused(refusals.TOKEN)
    texts = {name: value for name, value in claims.items() if isinstance(value, str)}
    methods = claims.get("amr")
    return Identity(
        issuer=settings.GATEWAY_OIDC_ISSUER,
        subject=subject,
        name=texts.get("preferred_username", ""),
        email=texts.get("email", ""),
        first_name=texts.get("given_name", ""),
        last_name=texts.get("family_name", ""),
        groups=groups_of(claims, settings.GATEWAY_OIDC_GROUPS_CLAIM),
        strong=settings.GATEWAY_OIDC_MFA or (isinstance(methods, list) and STRONG in methods),
    )


def groups_of(claims: Claims, name: str) -> frozenset[str]:
    """The texts of the claim: a list or one. A name with dots that no claim has leads into objects, as `realm_access.roles`."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return frozenset(value for value in listed if isinstance(value, str))


def told(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Whatever goes wrong is a page that says what to do, and one line of the log without anything that was sent."""

    @never_cache
    def answered(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except Refused as refused:
            return refusals.refusal(request, refused)
        except RequestException as error:
            return refusals.refusal(request, Refused(refusals.UNREACHABLE, type(error).__name__))
        except jwt.PyJWTError as error:
            return refusals.refusal(request, Refused(refusals.TOKEN, type(error).__name__))
        except (OAuth2Error, KeyError, ValueError, TypeError, AttributeError) as error:  # an answer that is none
            return refusals.refusal(request, Refused(refusals.ANSWER, type(error).__name__))

    return answered


@told
def start(request: HttpRequest) -> HttpResponse:
    """Sends the browser to the provider."""
    oidc = Provider(request)
    challenge = generate_code_challenge()
    kept = {"nonce": secrets.token_urlsafe(24), "verifier": challenge.pop("code_verifier"), "next": request.GET.get("next", "")}
    client = oidc.get_client(request, oidc.get_provider().app)
    address = oidc.authorize_url
    client.state = statekit.stash_state(request, provider_id=settings.GATEWAY_OIDC_ISSUER, state=kept)
    sent = {"nonce": kept["nonce"], **challenge}
    return HttpResponseRedirect(client.get_redirect_url(address, settings.GATEWAY_OIDC_SCOPES, sent))


@told
@sensitive_variables()
def callback(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the browser back to, with a code or an error."""
    state = statekit.unstash_state(request, provider_id=settings.GATEWAY_OIDC_ISSUER, state_id=request.GET.get("state", ""))
    if state is None:
        raise Refused(refusals.STATE)
    if "code" not in request.GET:
        cancelled = request.GET.get("error") == "access_denied"
        raise Refused(refusals.CANCELLED if cancelled else refusals.ERROR)
    oidc = Provider(request)
    app = oidc.get_provider().app
    client = oidc.get_client(request, app)
    answer = oidc.get_access_token_data(request, app, client, pkce_code_verifier=state["verifier"])
    return _signed_in(request, identity_of(oidc.claims(answer, state["nonce"])), state["next"])


def _signed_in(request: HttpRequest, identity: Identity, to: str) -> HttpResponse:
    with acting(Actor(settings.GATEWAY_OIDC_NAME, Source.SYSTEM, "", address_of(request) or "")):
        user = account_for(identity)
    if not user.is_active:
        raise Refused(refusals.SWITCHED_OFF, account=user)
    if not (user.is_staff or is_person(user)):
        raise Refused(refusals.NO_ROLE, account=user)
    return enter(request, user, to, strong=identity.strong)
