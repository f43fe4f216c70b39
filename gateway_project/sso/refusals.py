"""Why can a sign-in by the provider fail, and what does the page say of it? Each reason has a line for the log and a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gateway_project import audit
from gateway_project.client_address import client_address
from gateway_project.error_pages import SIGN_IN, page

log = structlog.stdlib.get_logger("gateway.sign_in")
AGAIN = "Begin again at the sign-in page."
OPERATOR = "If it happens again, tell your operator: the log of the gateway has a line about it."


@dataclass(frozen=True, slots=True)
class Reason:
    """`lines` may name the provider, `{name}`, and the account, `{account}`."""

    text: str
    status: int
    title: str
    lines: tuple[str, ...]


STATE = Reason(
    "wrong state", 400, "The sign-in is not valid", ("It was not begun in this browser, or it took more than ten minutes.", AGAIN)
)
CANCELLED = Reason("cancelled", 403, "Not signed in", ("{name} says that the sign-in was cancelled, or is not allowed.", AGAIN))
ERROR = Reason("error from the provider", 403, "Not signed in", ("{name} has answered with an error.", AGAIN, OPERATOR))
NONCE = Reason("wrong nonce", 403, "The sign-in is not valid", ("What {name} says is about another sign-in.", AGAIN, OPERATOR))
TOKEN = Reason("invalid token", 403, "The sign-in is not valid", ("The answer of {name} cannot be trusted.", AGAIN, OPERATOR))
ANSWER = Reason("invalid answer", 502, "The sign-in has failed", ("{name} did not accept the sign-in.", AGAIN, OPERATOR))
OTHER_ISSUER = Reason(
    "not the issuer of GATEWAY_OIDC_ISSUER",
    502,
    "The sign-in has failed",
    ("{name} says that it is another.", OPERATOR),
)
UNREACHABLE = Reason(
    "provider unreachable",
    503,
    "{name} does not answer",
    (
        "Try again in a while.",
        "Operators: see whether the gateway reaches GATEWAY_OIDC_ISSUER. The log has a line about it.",
    ),
)
SWITCHED_OFF = Reason(
    "account switched off", 403, "Not allowed", ("The account {account} is switched off at this gateway.", "Ask your operator.")
)
NO_ROLE = Reason(
    "no role",
    403,
    "No access yet",
    (
        "{name} knows you, and your account here is {account}. It has no rights at this gateway.",
        "Ask for a group of {name} that has a role here, and sign in again.",
        "For keys of your own, an operator can choose the account {account} on the page of a person.",
        "Operators: GATEWAY_OIDC_ROLES says which groups have which role.",
    ),
)


class Refused(Exception):
    """A sign-in that is not taken. `detail` goes to the log; it holds nothing that was sent."""

    def __init__(self, reason: Reason, detail: str = "", *, account: Any = None) -> None:
        super().__init__(reason.text)
        self.reason = reason
        self.detail = detail
        self.account = account


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """The page. Of an account that is known the audit log is told as well."""
    reason, user = refused.reason, refused.account
    account = user.get_username() if user is not None else ""
    said = {"account": account or None, "address": str(client_address(request.META, settings.GATEWAY_TRUSTED_PROXIES))}
    log.warning("sign-in failed", by="oidc", reason=reason.text, detail=refused.detail or None, **said)
    if user is not None:
        audit.tell_failed(request, user)
    names = {"name": settings.GATEWAY_OIDC_NAME, "account": account}
    answer = page(reason.status, reason.title.format(**names), [line.format(**names) for line in reason.lines], (SIGN_IN,))
    vars(answer)["_has_been_logged"] = True  # Django would add a line of its own
    return answer
