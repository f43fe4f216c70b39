"""The pages of users and groups: Django's, with the look of the others; only superusers hand out rights."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from models_catalog.admin import ui

RIGHTS = ("is_superuser", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class OperatorAdmin(UserAdmin, ui.ModelAdmin):  # type: ignore[type-arg]
    form = ui.UserChangeForm
    add_form = ui.UserCreationForm
    change_password_form = ui.AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    warn_unsaved_form = False

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if is_superuser(request.user) else (*fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and may_touch(request, obj)


@admin.register(Group)
class OperatorGroupAdmin(GroupAdmin, ui.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_superuser(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_superuser(request.user)


def is_superuser(user: Any) -> bool:
    return bool(user.is_active and user.is_superuser)


def may_touch(request: HttpRequest, user: User | None) -> bool:
    """Who is no superuser must not change one: its password would be the way to its rights."""
    return user is None or not user.is_superuser or is_superuser(request.user)
