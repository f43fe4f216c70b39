"""Registers the checks of the settings."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register


class GatewayProjectConfig(AppConfig):
    name = "gateway_project"

    def ready(self) -> None:
        from django.conf import settings

        from gateway_project import audit, checks, hook_types, hooks, opentelemetry, sso_leftovers, sso_missing
        from models_catalog.hook_types import tell

        register(checks.https, Tags.security, deploy=True)
        register(hooks.check_hooks)
        register(opentelemetry.check_extra)
        register(sso_missing.check_extra)
        tell(hook_types.hook_types)
        audit.connect()
        sso_leftovers.connect()
        if settings.GATEWAY_SSO:
            from gateway_project.sso import start

            start.start()
