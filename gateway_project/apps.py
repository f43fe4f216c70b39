"""Registers the checks of the settings."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register


class GatewayProjectConfig(AppConfig):
    name = "gateway_project"

    def ready(self) -> None:
        from gateway_project import checks

        register(checks.https, Tags.security, deploy=True)
