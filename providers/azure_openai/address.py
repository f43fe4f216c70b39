"""What does an address say that was copied from Azure? The resource, and sometimes the deployment and the version.

Azure's portals show a Target URI, the address of one call. Reference: Azure OpenAI's data plane, inference, and Azure AI
Foundry's endpoints, November 2026.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from providers.openai_compatible.address import bare

VERSION = "api-version"
DEPLOYED = re.compile(r"(?P<root>.*)/deployments(/(?P<deployment>[^/]+)(/.*)?)?")
VERSIONLESS = re.compile(r"(?P<root>.*/openai/v1)(/.*)?")
BELOW_OPENAI = re.compile(r"(?P<root>.*/openai)/.+")
FOUNDRY = ".services.ai.azure.com"
FOUNDRY_MODELS = re.compile(r"(?P<root>.*)/models(/.*)?")
FOUNDRY_PROJECT = re.compile(r"(?P<root>.*)/api/projects(/[^/]+)?")


class Address(NamedTuple):
    """`base` is what an API base should be; the others are "" if the address does not say."""

    base: str
    deployment: str = ""
    api_version: str = ""


def taken_apart(address: str) -> Address:
    """What the address says. One that is no URL is left as it is."""
    try:
        url = urlsplit(address.strip())
        host = url.hostname or ""
    except ValueError:
        return Address(address)
    path = url.path.rstrip("/")
    query = [pair for pair in url.query.split("&") if pair]
    versions = [pair.partition("=")[2] for pair in query if pair.partition("=")[0].lower() == VERSION]
    version, deployment = unquote(versions[0]) if versions else "", ""
    if found := VERSIONLESS.fullmatch(path):  # its own version may be named in the query, as "preview"
        return Address(urlunsplit(url._replace(path=found["root"], fragment="")))
    if found := DEPLOYED.fullmatch(path):
        path, deployment = found["root"], unquote(found["deployment"] or "")
    elif host.endswith(FOUNDRY) and (found := FOUNDRY_MODELS.fullmatch(path)):
        path, version = f"{found['root']}/openai/v1", ""  # the version of another API
    elif (host.endswith(FOUNDRY) and (found := FOUNDRY_PROJECT.fullmatch(path))) or (found := BELOW_OPENAI.fullmatch(path)):
        path = found["root"]
    rest = "&".join(pair for pair in query if pair.partition("=")[0].lower() != VERSION)
    return Address(bare(urlunsplit(url._replace(path=path, query=rest))), deployment, version)


def read_address(address: str) -> tuple[str, dict[str, str]]:
    """The API base, and the options of the type that the address holds."""
    found = taken_apart(address)
    options = {"deployment_id": found.deployment, "api_version": found.api_version}
    return found.base, {name: value for name, value in options.items() if value}
