"""How does a test use the admin? It opens a page, changes what a person would change, and sends the form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.db.models import Model
from django.forms import BaseForm
from django.test import Client
from django.urls import reverse

LINK = re.compile(r'(?:href|data-href-template|data-ajax--url|hx-get)="(?P<url>(?:/admin/|[.][.]/|[?])[^"#]*)"')


def address(model: type[Model], kind: str = "changelist", row: Model | None = None) -> str:
    """The page of a kind: changelist, add, change, history or delete."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=[row.pk] if row else [])


def links(text: str) -> set[str]:
    """The addresses within the admin that a page points to, absolute or relative to it."""
    return {match["url"].replace("&amp;", "&") for match in LINK.finditer(text)}


def posted(response: Any) -> dict[str, Any]:
    """What a browser would send if the form were submitted as it was opened."""
    data = dict(_values(response.context["adminform"].form))
    for inline in response.context["inline_admin_formsets"]:
        data |= dict(_values(inline.formset.management_form))
        for form in inline.formset.forms:
            data |= dict(_values(form))
    return data


def _values(form: BaseForm) -> Iterator[tuple[str, Any]]:
    for bound in form:
        if bound.field.disabled:
            continue
        value = bound.value()
        subwidgets = getattr(bound.field.widget, "widgets_names", None)
        if subwidgets is not None:
            parts = bound.field.widget.decompress(value)
            yield from ((bound.html_name + name, part or "") for name, part in zip(subwidgets, parts, strict=True))
        elif value is not None and value is not False:
            yield bound.html_name, "on" if value is True else value


class Pages:
    """The admin's pages, for one logged-in account."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def open(self, url: str, status: int = 200) -> Any:
        response = self.client.get(url)
        assert response.status_code == status, f"{url}: {response.status_code}"
        return response

    def send(self, url: str, changes: dict[str, Any], remove: tuple[str, ...] = ()) -> Any:
        """Opens a form, changes some of its values and submits it; the answer."""
        data = posted(self.open(url)) | changes
        return self.client.post(url, {name: value for name, value in data.items() if name not in remove})

    def save(self, url: str, changes: dict[str, Any], remove: tuple[str, ...] = ()) -> Any:
        """As `send`, for a form that must be accepted."""
        response = self.send(url, changes, remove)
        assert response.status_code == 302, errors(response)
        return response

    def run(self, model: type[Model], action: str, *rows: Model) -> Any:
        """A list's action on some of its rows."""
        return self.client.post(
            address(model), {"action": action, "_selected_action": [str(row.pk) for row in rows]}, follow=True
        )


def errors(response: Any) -> dict[str, Any]:
    """The errors of a form that was sent back, by field; those of inlines by `prefix-number-field`, or `prefix`."""
    assert response.status_code == 200, response.status_code
    found: dict[str, Any] = {name: list(texts) for name, texts in response.context["adminform"].form.errors.items()}
    for inline in response.context["inline_admin_formsets"]:
        formset = inline.formset
        if formset.non_form_errors():
            found[formset.prefix] = list(formset.non_form_errors())
        for form in formset.forms:
            found |= {f"{form.prefix}-{name}": list(texts) for name, texts in form.errors.items()}
    return found
