"""Which gateways do the tests of sign-in share? One a file, with a provider of OpenID Connect and second factors at will."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.chaos.process import Chaos
from tests.fakes.openid import CLIENT, CLIENT_SECRET, OpenId, openid
from tests.live import LiveGateway, environment, migrate

ROLES = {"gw-ops": "Operator", "gw-view": ["Viewer", "Key issuer"], "gw-root": "superuser"}
FAILURES = 3


@pytest.fixture(scope="session")
def running_provider() -> Iterator[OpenId]:
    with openid() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: OpenId) -> OpenId:
    running_provider.reset()
    return running_provider


@pytest.fixture(scope="session")
def variables(running_provider: OpenId) -> dict[str, str]:
    return {
        "GATEWAY_OIDC_ISSUER": running_provider.issuer,
        "GATEWAY_OIDC_CLIENT_ID": CLIENT,
        "GATEWAY_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "GATEWAY_OIDC_NAME": "Example ID",
        "GATEWAY_OIDC_ROLES": json.dumps(ROLES),
        "GATEWAY_MFA": "optional",
        "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
        "GATEWAY_LOGIN_FAILURES": str(FAILURES),
    }


@pytest.fixture(scope="session")
def sso_template(data_template: Path, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the tables of the extra."""
    directory = tmp_path_factory.mktemp("sso-template") / "data"
    shutil.copytree(data_template, directory)
    migrate(environment(directory, **variables))
    return directory


@pytest.fixture(scope="module")
def sso(
    shared_chaos: Chaos, sso_template: Path, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveGateway]:
    directory = tmp_path_factory.mktemp("sso") / "data"
    with LiveGateway(directory, shared_chaos, workers=1, template=sso_template, **variables) as gateway:
        yield gateway
