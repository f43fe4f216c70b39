"""How is a file imported in the admin? Uploaded, shown row by row without secrets, and confirmed, each row or not."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from models_catalog.admin import sealing
from models_catalog.admin.problems import CatalogAdmin
from models_catalog.key_import.report import problem_lines
from models_catalog.key_import.rows import BadRows, KeyImportError
from models_catalog.secrets.encryption import EncryptionError

SHOWN_ROWS = 500


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do: cells of each row under the `columns`, further lines, and a summary. `made` are new rows; `ids`
    name those of the shown ones that can be left out, "" where there is nothing to choose."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    lines: Sequence[str]
    summary: str
    made: Sequence[Model] = ()
    ids: Sequence[str] = ()

    def shown(self, left_out: Collection[str]) -> list[tuple[str, bool, Sequence[object]]]:
        """The first rows, each with its id, and whether it has a tick."""
        ids = [*self.ids, *[""] * (len(self.rows) - len(self.ids))]
        return [(one, one not in left_out, row) for one, row in zip(ids, self.rows[:SHOWN_ROWS], strict=False)]


class CannotImport(KeyImportError):
    """The file cannot be imported; each of the `lines` says why."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def faults_of(error: Exception) -> list[str]:
    """What is said of a file that is not imported."""
    if isinstance(error, CannotImport):
        return list(error.lines)
    return [str(error), *(problem_lines(error.problems) if isinstance(error, BadRows) else ())]


class UploadForm(forms.Form):
    file = forms.FileField(widget=forms.ClearableFileInput(), help_text=f"At most {sealing.MOST_BYTES // 1024 // 1024} MiB.")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > sealing.MOST_BYTES:
            raise forms.ValidationError("The file is too large for the browser: use the command.", code="size")
        return file

    def options(self) -> dict[str, object]:
        """What is chosen besides the file."""
        return {name: value for name, value in self.cleaned_data.items() if name != "file"}


class UploadingAdmin(CatalogAdmin):
    """A page of rows that may come from a file. Neither session, cookie nor disk holds the file between the steps."""

    upload_form: type[UploadForm] = UploadForm
    upload_title = ""
    upload_text = ""

    def has_upload_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request))

    def imported(
        self,
        request: HttpRequest,
        content: io.BytesIO,
        name: str,
        options: dict[str, object],
        *,
        dry_run: bool,
        left_out: Collection[str] = (),
    ) -> Preview:
        """Imports a file without the rows of the ids in `left_out`, or tells what that would do. Raises `KeyImportError`."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        own = path("import/", self.admin_site.admin_view(self.upload_view), name=self._upload_name())
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        url = reverse(f"admin:{self._upload_name()}") if self.has_upload_permission(request) else ""
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "upload_url": url})
        return response

    @method_decorator(sensitive_post_parameters("sealed"))
    @sensitive_variables()
    def upload_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_upload_permission(request):
            raise PermissionDenied
        if request.method == "POST" and "sealed" in request.POST:
            return self._confirmed(request)
        form = self.upload_form(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {"form": form}
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            context |= self._previewed(request, file.read(), file.name, form.options())
        return self._page(request, context)

    @sensitive_variables()
    def _previewed(self, request: HttpRequest, content: bytes, name: str, options: dict[str, object]) -> dict[str, Any]:
        try:
            sealed = sealing.seal(content, name, options, self._purpose(request))
            preview = self.imported(request, io.BytesIO(content), name, options, dry_run=True)
        except (KeyImportError, EncryptionError) as error:
            return {"faults": faults_of(error)}
        return self._shown(preview, sealed)

    def _shown(self, preview: Preview, sealed: str, left_out: Collection[str] = ()) -> dict[str, Any]:
        hidden = len(preview.rows[SHOWN_ROWS:])
        return {"preview": preview, "shown": preview.shown(left_out), "hidden": hidden, "sealed": sealed}

    @sensitive_variables()
    def _confirmed(self, request: HttpRequest) -> HttpResponse:
        sealed = request.POST["sealed"]
        try:
            content, name, options = sealing.opened(sealed, self._purpose(request))
        except sealing.NotSealed:
            return self._page(request, {"form": self.upload_form(), "faults": ["The preview is too old: choose the file again."]})
        preview, left_out = None, frozenset[str]()
        try:
            if "choosing" in request.POST:
                preview = self.imported(request, io.BytesIO(content), name, options, dry_run=True)
                left_out = frozenset(preview.ids[:SHOWN_ROWS]) - {"", *request.POST.getlist("chosen")}
            done = self.imported(request, io.BytesIO(content), name, options, dry_run=False, left_out=left_out)
        except KeyImportError as error:
            again = {} if preview is None else self._shown(preview, sealed, left_out)
            return self._page(request, {"form": self.upload_form(), **again, "faults": faults_of(error)})
        if done.made:
            LogEntry.objects.log_actions(request.user.pk, done.made, ADDITION, change_message="Imported from a file.")  # type: ignore[arg-type]
        self.message_user(request, done.summary, messages.SUCCESS)
        return HttpResponseRedirect("../")

    def _page(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        shared = self.admin_site.each_context(request)
        shared |= {"opts": self.opts, "title": self.upload_title, "text": self.upload_text}
        response = TemplateResponse(request, "models_catalog/upload.html", {**shared, **context})
        response["Cache-Control"] = "no-store"
        return response

    def _purpose(self, request: HttpRequest) -> str:
        """Nobody else can confirm the file, nor as something else."""
        return f"{self.opts.label_lower}|{request.user.pk}"

    def _upload_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_import"
