"""The pages of users and groups: a group is a set of rights, a user is in groups; only superusers hand out rights.

Who may change an account can become it, by its password: so nobody may touch one that has a right which he lacks himself.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest

from models_catalog.admin import ui
from models_catalog.admin.tenancy import reach_of
from models_catalog.models import Person, Tenant

RIGHTS = ("is_superuser", "groups")
VERBS = ("view", "add", "change", "delete")
PAGES = {
    "models_catalog.modeldefinition": "models",
    "models_catalog.provider": "providers",
    "models_catalog.credential": "credentials",
    "models_catalog.hook": "hooks",
    "models_catalog.price": "prices",
    "models_catalog.clientkey": "client keys",
    "models_catalog.tenant": "tenants",
    "models_catalog.project": "projects",
    "models_catalog.person": "people",
    "models_catalog.accessgroup": "access groups",
    "models_catalog.limit": "limits",
    "models_catalog.budget": "budgets",
    "models_catalog.keyrequest": "requests for more",
    "auth.user": "users",
    "openai_api.sessionrow": "sessions",
    "openai_api.usagerecord": "requests",
    "openai_api.storedresponserow": "stored responses",
    "openai_api.jobrow": "jobs",
    "openai_api.ledgerentry": "the ledger",
    "admin.logentry": "the history",
}
NOT_OFFERED = frozenset(
    {"add_usagerecord", "delete_usagerecord", "add_storedresponserow", "change_storedresponserow"}
    | {"add_jobrow", "change_jobrow", "delete_jobrow", "add_sessionrow", "change_sessionrow"}
    | {
        "add_keyrequest",
        "delete_keyrequest",
        "add_ledgerentry",
        "change_ledgerentry",
        "delete_ledgerentry",
        "add_logentry",
        "change_logentry",
        "delete_logentry",
    }
)
"""Permissions for actions that no page offers."""
OWN = {
    "view_session_bodies": "View what was said in sessions",
    "delete_sessionrow": "Erase sessions",
    "change_keyrequest": "Decide requests for more",
    "change_usagerecord": "Stop requests in flight",
}
"""Permissions that are more than a verb and a page, or another verb."""

admin.site.unregister(User)
admin.site.unregister(Group)


def offered_permissions() -> QuerySet[Permission]:
    """The rights of each page that can be given, page by page."""
    pages = [page.split(".") for page in PAGES]
    wanted = [Q(content_type__app_label=app, content_type__model=model) for app, model in pages]
    by_page = [When(condition, then=Value(place)) for place, condition in enumerate(wanted)]
    by_verb = [When(codename__startswith=f"{verb}_", then=Value(place)) for place, verb in enumerate(VERBS)]
    codenames = {f"{verb}_{model}" for _, model in pages for verb in VERBS} | OWN.keys()
    return (
        Permission.objects.filter(Q(*wanted, _connector=Q.OR), codename__in=codenames - NOT_OFFERED)
        .select_related("content_type")
        .order_by(Case(*by_page, output_field=IntegerField()), Case(*by_verb, output_field=IntegerField()))
    )


class PermissionChoices(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Permission) -> str:
        if obj.codename in OWN:
            return OWN[obj.codename]
        page = PAGES[f"{obj.content_type.app_label}.{obj.content_type.model}"]
        return f"{obj.codename.split('_')[0].capitalize()} {page}"


class GroupForm(ui.ModelForm):
    """Rights that the page does not offer stay as they are."""

    permissions = PermissionChoices(Permission.objects.none(), required=False, widget=ui.Checkboxes())

    class Meta:
        model = Group
        fields = ("name", "permissions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "permissions" in self.fields:
            self.fields["permissions"].queryset = offered_permissions()  # type: ignore[attr-defined]

    def clean_permissions(self) -> list[Permission]:
        chosen = list(self.cleaned_data["permissions"])
        if self.instance.pk is None:
            return chosen
        return [*chosen, *self.instance.permissions.exclude(pk__in=offered_permissions().values("pk"))]


@admin.register(User)
class OperatorAdmin(UserAdmin, ui.ModelAdmin):  # type: ignore[type-arg]
    form = ui.UserChangeForm
    add_form = ui.UserCreationForm
    change_password_form = ui.AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    filter_horizontal = ()
    autocomplete_fields = ("groups",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        if is_superuser(request.user):
            return fields
        return (*fields, *RIGHTS) if reach_of(request) is None else (*fields, "is_staff", *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and may_touch(request, obj)


@admin.register(Group)
class OperatorGroupAdmin(GroupAdmin, ui.ModelAdmin):
    form = GroupForm
    empty_icon = "group"
    empty_text = "A group is a set of permissions, for staff who are not superusers."
    filter_horizontal = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_superuser(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_superuser(request.user)


def is_superuser(user: Any) -> bool:
    return bool(user.is_active and user.is_superuser)


def may_touch(request: HttpRequest, user: User | None) -> bool:
    """Whether the account has no right that who asks lacks, and reaches no tenant out of its reach. One that is not active keeps
    its rights for the day it is again."""
    if user is None or is_superuser(request.user):
        return True
    rights = rights_of(user)
    return not user.is_superuser and rights <= request.user.get_all_permissions() and reaches_no_further(request, user, rights)


def reaches_no_further(request: HttpRequest, user: User, rights: set[str]) -> bool:
    """Who is named by no tenant reaches all of them, if there is anything that he may do."""
    reach = reach_of(request)
    if reach is None or user.pk == request.user.pk:
        return True
    named = set(Tenant.objects.filter(operators=user).values_list("pk", flat=True))
    if (rights or user.is_staff) and not named:
        return False
    return named | set(Person.objects.filter(user=user).values_list("tenant", flat=True)) <= reach.tenants


def rights_of(user: User) -> set[str]:
    """`app.codename` of each right, given to the account or to one of its groups."""
    found = Permission.objects.filter(Q(user=user) | Q(group__user=user)).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}
