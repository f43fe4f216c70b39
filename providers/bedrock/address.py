"""Where is Bedrock, and in which region? The option `region` says so, or the address.

Reference: "Amazon Bedrock endpoints and quotas" in the AWS General Reference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from providers.errors import ConfigurationError

USUAL = "us-east-1"
REGION = re.compile(r"[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-\d{1,2}")
HOST = re.compile(
    rf"bedrock-runtime(?:-fips)?\.({REGION.pattern})\.[a-z0-9.]+|.*\.bedrock-runtime\.({REGION.pattern})\.vpce\.[a-z0-9.]+"
)
"""Of the service itself, and of an interface endpoint in a network of one's own."""
VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
CALLS = re.compile(r"/(?:model(?:/.*)?|openai/v1.*)?$")
"""What stands behind the address in examples of calls."""


def base_of(region: str) -> str:
    """The address in a region; China has a domain of its own."""
    return f"https://bedrock-runtime.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


BASE = base_of(USUAL)


def region_of(address: str, options: Mapping[str, Any]) -> str:
    """The region in which requests are signed: as the option says, as the address says, as the environment says where no address
    is given, or the usual one. Raises `ConfigurationError`."""
    given = str(options.get("region") or "").strip()
    if given:
        if not REGION.fullmatch(given):
            raise ConfigurationError("options", f"the region {given!r:.60} must be like 'us-east-1'")
        return given
    found = HOST.fullmatch(_host(address))
    if found:
        return found[1] or found[2]
    told = "" if address else next((value for name in VARIABLES if (value := os.environ.get(name))), "")
    return told if REGION.fullmatch(told) else USUAL


def read_address(address: str) -> tuple[str, dict[str, str]]:
    """An address as it is copied, without the path of one call."""
    return CALLS.sub("", address.strip()), {}


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
