"""Finds the `adapter` module of every installed provider app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ProvidersConfig(AppConfig):
    name = "providers"

    def ready(self) -> None:
        autodiscover_modules("adapter")
