"""Makes the provider of recordings known to the registry, and tells it where recordings may lie."""

from django.apps import AppConfig
from django.conf import settings


class ReplayConfig(AppConfig):
    name = "providers.replay"
    label = "providers_replay"

    def ready(self) -> None:
        from providers.replay import folder

        folder.allow(settings.GATEWAY_RECORDINGS_DIR)
