"""Whose account is it that a provider has told of, and what may it do? What its groups there are mapped to.

An account is known by issuer and subject alone. Names and e-mail addresses are what somebody may choose: one that another account
has gives nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from gateway_project.sso_settings import ROLES, SUPERUSER

log = structlog.stdlib.get_logger("gateway.sign_in")
LONGEST_NAME = 150
NOT_IN_NAMES = re.compile(r"[^\w.@+-]")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is. `groups` are the values of the groups' claim; `strong` says that it asked for two factors."""

    issuer: str
    subject: str
    name: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    groups: frozenset[str] = frozenset()
    strong: bool = False


def is_the_providers(user: Any) -> bool:
    """Whether the account signs in by the provider: then it has no other way."""
    return bool(SocialAccount.objects.filter(user_id=user.pk).exists())


def roles_for(groups: Iterable[str]) -> frozenset[str]:
    return frozenset(role for group in groups for role in settings.GATEWAY_OIDC_ROLES.get(group, ()))


def account_for(identity: Identity) -> User:
    """The account of that identity, made if it is new, with the rights that it has from now on."""
    try:
        return _brought_up_to_date(identity)
    except IntegrityError:  # made by another worker at the same time
        return _brought_up_to_date(identity)


def _brought_up_to_date(identity: Identity) -> User:
    with transaction.atomic():
        known = SocialAccount.objects.select_for_update(of=("self",)).select_related("user")
        link = known.filter(provider=identity.issuer, uid=identity.subject).first()
        user: User = link.user if link else _made(identity)
        _set_rights(user, identity)
        if link:
            link.save()  # the time of the last sign-in
        return user


def _made(identity: Identity) -> User:
    user = User(username=_free_name(identity))
    user.set_unusable_password()
    user.save()
    SocialAccount.objects.create(user=user, provider=identity.issuer, uid=identity.subject)
    return user


def _free_name(identity: Identity) -> str:
    """The name that the provider says, with a number behind it if somebody here has that name."""
    wished = identity.name or identity.email.partition("@")[0] or identity.subject
    base = NOT_IN_NAMES.sub("-", wished)[: LONGEST_NAME - 8] or "user"
    taken = {name.lower() for name in User.objects.filter(username__istartswith=base).values_list("username", flat=True)}
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name.lower() not in taken)


def _set_rights(user: User, identity: Identity) -> None:
    roles = roles_for(identity.groups)
    wanted = {
        "email": identity.email[:254],
        "first_name": identity.first_name[:LONGEST_NAME],
        "last_name": identity.last_name[:LONGEST_NAME],
        "is_staff": bool(roles),
        "is_superuser": SUPERUSER in roles,
    }
    changed = {name: value for name, value in wanted.items() if getattr(user, name) != value}
    if changed:
        vars(user).update(changed)
        user.save(update_fields=list(changed))
    _set_groups(user, roles)


def _set_groups(user: User, roles: frozenset[str]) -> None:
    """Of the groups that are roles those that are mapped; others, given by a superuser, as long as there is a role."""
    present = {group.name for group in user.groups.all()}
    wanted = (roles - {SUPERUSER}) | (present - set(ROLES) if roles else set())
    if wanted == present:
        return
    found = list(Group.objects.filter(name__in=wanted))
    if missing := wanted - {group.name for group in found}:
        log.warning("a role is not there: its group was deleted or renamed", roles=sorted(missing))
    user.groups.set(found)
