"""How does an operator look at requests? A list that is searched and walked, a page for each, and those in flight."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from models_catalog.admin.ui import ModelAdmin
from openai_api.admin import request_csv, request_list, request_page, running
from openai_api.models import UsageRecord


@admin.register(UsageRecord)
class UsageRecordAdmin(ModelAdmin):
    """Requests, newest first. Nobody adds, changes or deletes one; who may "change" requests may stop those in flight."""

    change_form_template = "openai_api/request.html"
    fieldsets = ((None, {"fields": ()}),)
    show_full_result_count = False

    def get_urls(self) -> list[URLPattern]:
        place = self.admin_site.admin_view
        own = [
            path("csv/", place(self.csv_view), name="openai_api_usagerecord_csv"),
            path("running/", place(self.running_view), name="openai_api_usagerecord_running"),
            path("running/stop/", place(self.stop_view), name="openai_api_usagerecord_stop"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self.check_view(request)
        shown = request_list.context(request, self.get_queryset(request))
        return self.page(request, "openai_api/requests.html", {**shown, "title": "Requests", **(extra_context or {})})

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        return request_csv.download(request, self.get_queryset(request))

    def running_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        may_stop = self.may_stop(request)
        return self.page(
            request, "openai_api/running.html", {**running.context(request, may_stop), "title": "Requests in flight"}
        )

    def stop_view(self, request: HttpRequest) -> HttpResponse:
        if not self.may_stop(request):
            raise PermissionDenied
        return running.stop(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is not None and self.has_view_permission(request, row):
            shown = request_page.context(request, row)
            extra_context = {**(extra_context or {}), **shown, "title": "Request", "subtitle": None}
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return answer

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "cl_opts": self.opts}
        response = TemplateResponse(request, template, {**shared, **context})
        response["Cache-Control"] = "no-store"
        return response

    def check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def may_stop(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm("openai_api.change_usagerecord")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("openai_api.view_usagerecord"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
