"""How do models come from a provider's account? A page lists what it offers, and adds what is chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from models_catalog.admin import ui
from models_catalog.admin.health import label
from models_catalog.admin.problems import CatalogAdmin
from models_catalog.filling.adding import NotAdded, add
from models_catalog.filling.offers import NoList, Offer, names_taken, offers_of
from models_catalog.models import Provider
from models_catalog.models.frozen import thaw

FILL = "models_catalog_provider_fill"
CHOOSE = "models_catalog_modeldefinition_fill"
LONGEST_NAME = 200
CALLED = "called:"
"""Before the id of a model in the name of the field that gives it a name of its own."""


class FillForm(forms.Form):
    beginning = forms.CharField(
        label="Prefix",
        required=False,
        max_length=100,
        widget=ui.TextInput(attrs={"placeholder": "none, or like openai/"}),
        help_text="Stands before the name of each model that is added.",
    )
    rest = forms.BooleanField(
        label="Add a wildcard",
        required=False,
        widget=ui.Checkbox(),
        help_text="It stands for every other name that begins with the prefix, like openai/*: for what the provider adds later.",
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One offer as the page shows it; `taken` says that a model has its name."""

    offer: Offer
    taken: bool
    chosen: bool
    called: str = ""

    @property
    def able(self) -> list[str]:
        return [label(name) for name in self.offer.capabilities]

    @property
    def price(self) -> str:
        rates: dict[str, float] = next((thaw(state.rates) for state in reversed(self.offer.prices) if not state.service_tier), {})
        both = [rates.get(name) for name in ("input", "output")]
        return " / ".join("?" if value is None else f"{value:g}" for value in both) if any(both) else ""


def names_given(request: HttpRequest) -> dict[str, str]:
    """The names that the page was given for models, by their ids at the vendor."""
    given = ((name.removeprefix(CALLED), str(text).strip()) for name, text in request.POST.items() if name.startswith(CALLED))
    return {name: text for name, text in given if text}


def may_fill(request: HttpRequest) -> bool:
    """Asking the vendor uses the key of a provider, so that who adds models must see providers as well."""
    return request.user.has_perms(["models_catalog.add_modeldefinition", "models_catalog.view_provider"])


class FillingAdmin(CatalogAdmin):
    """The provider's side: the list of what its account offers."""

    @ui.action(description="Fill models", icon="playlist_add", permissions=["fill"])  # type: ignore[untyped-decorator]
    def fill_models(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:{FILL}", args=[object_id]))

    def has_fill_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may_fill(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.guarded(self.admin_site.admin_view(self.fill_view))
        return [path("<path:object_id>/fill/", view, name=FILL), *super().get_urls()]

    def fill_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not may_fill(request):
            raise PermissionDenied
        provider = self.get_object(request, object_id)
        if not isinstance(provider, Provider):
            raise Http404
        form = FillForm(request.POST if request.method == "POST" else None)
        context: dict[str, Any] = {"form": form, "faults": []}
        try:
            offers = offers_of(provider)
        except NoList as err:
            return self._page(request, provider, {**context, "faults": [str(err)], "unknown": True})
        chosen = frozenset(request.POST.getlist("model"))
        if request.method == "POST" and form.is_valid():
            done = self._added(request, provider, offers, chosen, form.cleaned_data)
            if isinstance(done, HttpResponse):
                return done
            context["faults"] = done
        prefix = str(form.data.get("beginning", ""))
        return self._page(request, provider, {**context, "lines": lines(offers, prefix, chosen, names_given(request))})

    def _added(
        self, request: HttpRequest, provider: Provider, offers: Iterable[Offer], chosen: Collection[str], told: dict[str, Any]
    ) -> HttpResponse | Sequence[str]:
        """The way on, or what is wrong."""
        wanted = [offer for offer in offers if offer.id in chosen]
        gone = sorted(set(chosen) - {offer.id for offer in wanted})
        if gone:
            return [f"{name[:300]}: the account does not offer it any more." for name in gone[:20]]
        if not wanted and not told["rest"]:
            return ["Choose at least one model."]
        try:
            made = add(provider, wanted, told["beginning"], rest=told["rest"], called=names_given(request))
        except NotAdded as err:
            return err.faults[:20]
        except IntegrityError:
            return ["Somebody else has just added one of these models. Choose again."]
        for row in made:
            self.log_addition(request, row, f"From the list of the provider {provider.name}.")
        text = f"{len(made)} {'model' if len(made) == 1 else 'models'} added, with a route to {provider.name} each."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(f"{reverse('admin:models_catalog_modeldefinition_changelist')}?provider={provider.pk}")

    def _page(self, request: HttpRequest, provider: Provider, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "original": provider}
        shared |= {"provider": provider, "title": f"Models of {provider.name}"}
        response = TemplateResponse(request, "models_catalog/fill.html", {**shared, **context})
        response["Cache-Control"] = "no-store"
        return response


def lines(offers: Sequence[Offer], prefix: str, chosen: Collection[str], called: Mapping[str, str]) -> list[Line]:
    taken = names_taken([prefix + offer.id for offer in offers])
    return [
        Line(offer, prefix + offer.id in taken, offer.id in chosen, called.get(offer.id, "")[:LONGEST_NAME]) for offer in offers
    ]


class FillableAdmin(CatalogAdmin):
    """The models' side: a button that leads to the choice of a provider."""

    def get_urls(self) -> list[URLPattern]:
        return [path("fill/", self.admin_site.admin_view(self.choose_view), name=CHOOSE), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        url = reverse(f"admin:{CHOOSE}") if may_fill(request) else ""
        response: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "fill_url": url})
        return response

    def choose_view(self, request: HttpRequest) -> HttpResponse:
        if not may_fill(request):
            raise PermissionDenied
        providers = [(row, reverse(f"admin:{FILL}", args=[row.pk])) for row in Provider.objects.order_by("name")]
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Fill from a provider"}
        return TemplateResponse(request, "models_catalog/fill_choice.html", {**shared, "providers": providers})
