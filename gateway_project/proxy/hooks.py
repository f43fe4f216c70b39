"""Which hooks does the proxy's file ask for? Its interceptors, as the setting `GATEWAY_HOOKS` would have them."""

from __future__ import annotations

from typing import Any

from gateway_project.proxy.config import Interceptor, ProxyConfig
from gateway_project.proxy.yaml_file import BadFile, plain
from openai_api.hooks.specs import HookSpecError, checked, offered_by_packages, specs_of
from openai_api.interceptors.registry import INTERCEPTORS


def hooks_of(config: ProxyConfig) -> list[dict[str, Any]]:
    """The interceptors that are switched on. Raises `BadFile` for one that cannot be made."""
    known = frozenset({*INTERCEPTORS, *(point.name for point in offered_by_packages())})
    setting = [_entry(one) for one in config.wanted(known)]
    try:
        for spec in specs_of(setting):
            checked(spec)
    except HookSpecError as error:
        raise BadFile(str(error)) from None
    return setting


def _entry(one: Interceptor) -> dict[str, Any]:
    return {"hook": str(one.type), "options": plain(one.config or {})}
