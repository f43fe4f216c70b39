"""Which second factors has an account, and does a code fit one of them? Codes of an app (TOTP, RFC 6238), and recovery codes.

django-allauth keeps and computes them. That a code is used once is kept in the row: the library keeps it in the cache, which
each worker may have of its own.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt, encrypt
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from gateway_project.sign_in import PER_ADDRESS
from models_catalog.audit.actor import Actor
from models_catalog.audit.chain import Told, append

Kind = Authenticator.Type
LEFT = "counter"
"""The time step of the last code that was taken: neither it nor one before it is taken again."""
FAILED, SINCE = "failed", "failed_since"


def factor_of(user: Any) -> Authenticator | None:
    """The app of an account; None if no second factor is set up."""
    found: Authenticator | None = Authenticator.objects.filter(user_id=user.pk, type=Kind.TOTP).first()
    return found


def new_secret() -> str:
    """A fresh secret for an app, sealed: so it may wait in a session."""
    return str(encrypt(generate_totp_secret()))


def shown(sealed: str) -> str:
    """The secret as it is shown once, while it is being set up."""
    return str(decrypt(sealed))


def set_up(user: User, sealed: str, code: str) -> tuple[Authenticator, list[str]] | None:
    """Makes the app the second factor of the account, with new recovery codes; None for a wrong code. A factor of before goes."""
    secret = shown(sealed)
    step = _step(secret, code, 0)
    if step is None:
        return None
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two at the same time: one after the other
        Authenticator.objects.filter(user_id=user.pk).delete()
        row = TOTP.activate(user, secret).instance
        row.data[LEFT] = step
        row.save(update_fields=["data"])
        return row, RecoveryCodes.activate(user).generate_codes()


def new_codes(user: User) -> list[str]:
    """Other recovery codes; those of before are no longer good."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        Authenticator.objects.filter(user_id=user.pk, type=Kind.RECOVERY_CODES).delete()
        return list(RecoveryCodes.activate(user).generate_codes())


def remove(user: User) -> bool:
    """Whether there was a second factor."""
    return bool(Authenticator.objects.filter(user_id=user.pk).delete()[0])


def codes_left(user: User) -> int:
    row = Authenticator.objects.filter(user_id=user.pk, type=Kind.RECOVERY_CODES).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row else 0


def fits(user: User, code: str) -> str | None:
    """The kind of factor whose code it is, which is used up by that; None for a wrong one. None for any after very many wrong
    ones of the account, from wherever: `PER_ADDRESS` times as many as an address may try."""
    with transaction.atomic():
        rows = {row.type: row for row in Authenticator.objects.select_for_update().filter(user_id=user.pk)}
        app = rows.get(Kind.TOTP)
        if app is None or _is_locked(app):
            return None
        found = next((row for row in rows.values() if _takes(row, code)), None)
        if found is None:
            app.data.update({FAILED: app.data.get(FAILED, 0) + 1, SINCE: time.time()})
        else:
            app.data.pop(FAILED, None)
            Authenticator.objects.filter(pk=found.pk).update(last_used_at=timezone.now())
        app.save(update_fields=["data"])
        return None if found is None else str(found.type)


def _is_locked(app: Authenticator) -> bool:
    if time.time() - app.data.get(SINCE, 0) > settings.GATEWAY_LOGIN_LOCK_S:
        app.data.pop(FAILED, None)
    return bool(app.data.get(FAILED, 0) >= settings.GATEWAY_LOGIN_FAILURES * PER_ADDRESS)


def _takes(row: Authenticator, code: str) -> bool:
    if row.type == Kind.RECOVERY_CODES:
        return bool(RecoveryCodes(row).validate_code(code))
    step = _step(decrypt(row.data["secret"]), code, row.data.get(LEFT, 0))
    if step is not None:
        row.data[LEFT] = step
    return step is not None


def _step(secret: str, code: str, after: int) -> int | None:
    """The time step later than `after` whose code it is: this one, or one beside it, as clocks differ."""
    for step in yield_hotp_counters_from_time():
        if step > after and compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
            return int(step)
    return None


def tell(user: User, what: str, *, actor: Actor | None = None) -> None:
    """An entry of the audit log, of the account."""
    changes = {"second factor": [None, what]}
    append([Told("changed", "auth.user", str(user.pk), user.get_username(), changes=changes)], actor=actor, alone=True)
