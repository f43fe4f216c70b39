"""How is a hook edited? By a form with a field for each option of its type; secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.views.decorators.debug import sensitive_variables

from models_catalog.admin import key_source, ui
from models_catalog.admin.fields import KEPT, SecretHeadersField
from models_catalog.admin.option_fields import LinesField, builtin, field_of, option_value
from models_catalog.hook_types import (
    FROM_ENVIRONMENT,
    BadOptions,
    HookType,
    Option,
    UnknownHookType,
    check_options,
    hook_type,
    options_of,
)
from models_catalog.models import Hook
from models_catalog.models.hook import with_secrets
from models_catalog.secrets import encryption
from providers.types import Secret

PREFIX = "option_"
"""Before the names of options, among the fields of the form."""
CLEAR = "clear_"
"""Before the name of a secret option that may be removed."""
RUNS_FOR = ("model_names", "all_client_keys", "client_keys")
IN_TROUBLE = ("on_fault", "time_limit_s")


def type_of(name: str) -> HookType:
    """The type; one that is not registered any more has a fault and no options."""
    try:
        return hook_type(name)
    except UnknownHookType as err:
        return HookType(name, fault=str(err))


def stored_secrets(row: Hook) -> dict[str, Secret] | None:
    """None where they do not decrypt."""
    try:
        return row.kept_secrets()
    except encryption.EncryptionError:
        return None


class HookForm(ui.ModelForm):
    """The form of one type: `form_for` adds a field for each of its options. An empty secret keeps the stored one."""

    known: ClassVar[HookType] = HookType("")
    model_names = LinesField(
        required=False,
        label="Models",
        widget=ui.Lines(),
        help_text="Public names, one a line; a * at the end stands for any rest. Empty: all models.",
    )

    class Meta:
        model = Hook
        fields = ("name", "enabled", "position", *RUNS_FOR, *IN_TROUBLE)
        labels = {"all_client_keys": "All client keys", "client_keys": "Client keys"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.type:
            self.instance.type = self.known.name
            last = Hook.objects.aggregate(last=Max("position"))["last"]
            self.initial.setdefault("position", 0 if last is None else last + 1)
        for option in options_of(self.known):
            if PREFIX + option.name in self.fields:
                self.initial[PREFIX + option.name] = self.shown(option)

    def shown(self, option: Option) -> Any:
        """What the form begins with; never a secret."""
        if option.secret:
            members = [place.partition(".")[2] for place in stored_secrets(self.instance) or {}]
            kept = {member: KEPT for member in members if member} if is_object(option) else {}
            plain = self.instance.options.get(option.name)
            return {**kept, **plain} if isinstance(plain, dict) else kept or plain
        return self.instance.options.get(option.name, builtin(option.default))

    @sensitive_variables("data", "plain", "secrets", "stored", "given")
    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("all_client_keys", True) and not data.get("client_keys") and "client_keys" not in self.errors:
            self.add_error("client_keys", "Choose at least one client key, or allow all.")
        if self.known.fault or any(name.startswith(PREFIX) for name in self.errors):
            return data
        stored = stored_secrets(self.instance)
        plain: dict[str, Any] = {}
        secrets: dict[str, Secret] = {}
        for option in options_of(self.known):
            given = data.pop(PREFIX + option.name, None)
            if is_object(option):
                self.take_members(option, given or {}, stored or {}, plain, secrets)
            elif option.secret:
                self.take_secret(option, given, stored or {}, plain, secrets)
            elif (value := option_value(option, given)) is not msgspec.UNSET:
                plain[option.name] = value
        if not self.errors:
            self.keep(plain, secrets, stored)
        return data

    @sensitive_variables("given", "stored", "secrets")
    def take_secret(
        self, option: Option, given: Any, stored: Mapping[str, Secret], plain: dict[str, Any], secrets: dict[str, Secret]
    ) -> None:
        """Puts what was given, or else what is stored, where it belongs: a variable's name is no secret."""
        name = option.name
        if given and str(given).startswith(FROM_ENVIRONMENT):
            plain[name] = given
        elif given:
            secrets[name] = Secret(str(given))
        elif self.cleaned_data.get(CLEAR + name):
            return
        elif name in stored:
            secrets[name] = stored[name]
        elif name in self.instance.options:
            plain[name] = self.instance.options[name]

    @sensitive_variables("given", "stored", "secrets", "value")
    def take_members(
        self,
        option: Option,
        given: Mapping[str, Any],
        stored: Mapping[str, Secret],
        plain: dict[str, Any],
        secrets: dict[str, Secret],
    ) -> None:
        """As `take_secret`, for an option each of whose members is a secret."""
        for member, value in given.items():
            place = f"{option.name}.{member}"
            if value == KEPT and place not in stored:
                self.add_error(PREFIX + option.name, f"Enter the value of {member}: none is stored under this name.")
            elif value == KEPT:
                secrets[place] = stored[place]
            elif str(value).startswith(FROM_ENVIRONMENT):
                plain.setdefault(option.name, {})[member] = value
            else:
                secrets[place] = Secret(str(value))

    @sensitive_variables("plain", "secrets", "stored")
    def keep(self, plain: dict[str, Any], secrets: dict[str, Secret], stored: Mapping[str, Secret] | None) -> None:
        """Puts the options into the row if they are sound. Secrets that do not decrypt stay as they are until new ones come."""
        unreadable = stored is None and not secrets
        try:
            if not unreadable:
                check_options(self.known, with_secrets(plain, secrets))
        except BadOptions as err:
            for name, fault in err.faults.items():
                field = PREFIX + name
                self.add_error(field if name and field in self.fields else None, ValidationError(fault, code="option"))
            return
        changed = not unreadable and secrets != stored
        if changed and secrets and (fault := key_source.storing_fault()):
            self.add_error(None, fault)
            return
        self.instance.options = plain
        if changed:
            self.instance.secrets = secrets


def is_object(option: Option) -> bool:
    """Whether a secret option has members, each of which is a secret."""
    return isinstance(field_of(option, stored=False), SecretHeadersField)


def form_for(known: HookType, row: Hook | None) -> type[HookForm]:
    """The form of a type; that of a row knows which secrets it has."""
    stored = set(stored_secrets(row) or {}) | set(row.options) if row is not None else set()
    fields: dict[str, Any] = {"known": known, "Meta": HookForm.Meta, "__module__": __name__}
    for option in options_of(known):
        kept = option.secret and option.name in stored
        fields[PREFIX + option.name] = field_of(option, stored=kept)
        if kept and not option.required:
            fields[CLEAR + option.name] = forms.BooleanField(
                label=f"Remove {option.name}", required=False, widget=ui.Switch(), help_text="Removes the stored value."
            )
    return type("HookForm", (HookForm,), fields)
