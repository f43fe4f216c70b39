"""Are upstreams reached through the proxy that is set, through no other, and does its password stay hidden?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos.process import Chaos
from tests.fakes.http_proxy import http_proxy
from tests.fakes.raw_upstream import RawUpstream, raw_upstream, tls_context
from tests.integration.test_wire_faults import with_tls
from tests.live import PROVIDER_KEY, LiveGateway, error_of, words
from tests.live_fixtures import StartGateway

USER, PASSWORD = "corporate", "canary-p@ss-5e1d"
SPELLED = "canary-p%40ss-5e1d"
MODELS = ("chaos/ok", "secured", "nobody")


@pytest.fixture(scope="module")
def proxy() -> Iterator[RawUpstream]:
    with raw_upstream(http_proxy(f"{USER}:{PASSWORD}")) as running:
        yield running


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RawUpstream, Path]]:
    """An upstream over TLS, and the certificate to trust."""
    folder = tmp_path_factory.mktemp("tls")
    with raw_upstream(with_tls(tls_context(folder, "127.0.0.1"))) as upstream:
        yield upstream, folder / "127.0.0.1.pem"


@pytest.fixture(scope="module")
def behind(start_gateway: StartGateway, proxy: RawUpstream, secured: tuple[RawUpstream, Path]) -> dict[str, LiveGateway]:
    """A gateway whose proxy lets it pass, and one that has the wrong password."""

    def start(password: str) -> LiveGateway:
        url = f"http://{USER}:{password}@127.0.0.1:{proxy.port}"
        gateway = start_gateway(GATEWAY_UPSTREAM_PROXY=url, SSL_CERT_FILE=str(secured[1]))
        define(gateway, secured[0])
        return gateway

    return {"allowed": start(SPELLED), "refused": start("wrong")}


def define(gateway: LiveGateway, secured: RawUpstream) -> None:
    urls = {"secured": secured.url("https"), "nobody": gateway.dead_url.replace("http:", "https:")}
    providers = [
        {"name": name, "type": "openai_compatible", "api_base": url, "api_key": PROVIDER_KEY} for name, url in urls.items()
    ]
    gateway.operator.define(providers, [])
    gateway.define_models({name: [{"upstream_model": "m", "provider": name}] for name in urls})
    gateway.define("ok", "hang", "stream-paced-20ms-5", first_byte_timeout_s=1)


@pytest.fixture
def gateway(behind: dict[str, LiveGateway], chaos: Chaos) -> Iterator[LiveGateway]:
    yield behind["allowed"]
    behind["allowed"].check()


def test_upstream_when_there_is_a_proxy_is_asked_through_it(gateway: LiveGateway, proxy: RawUpstream, chaos: Chaos) -> None:
    before = proxy.connections
    assert gateway.chat("chaos/ok").json()["choices"][0]["message"]["content"] == "Hello from chaos."
    assert words(gateway.chat("chaos/ok", stream=True)) == "Hello from chaos."
    assert len(chaos.log()) == proxy.connections - before == 2
    assert f"POST {chaos.base_url}/chat/completions HTTP/1.1".encode() in proxy.received


def test_upstream_over_tls_when_there_is_a_proxy_is_asked_through_a_tunnel(
    gateway: LiveGateway, proxy: RawUpstream, secured: tuple[RawUpstream, Path]
) -> None:
    start = len(proxy.received)
    assert gateway.chat("secured").json()["choices"][0]["message"]["content"] == "hello"
    assert bytes(proxy.received[start:]).startswith(f"CONNECT 127.0.0.1:{secured[0].port} HTTP/1.1\r\n".encode())
    assert PROVIDER_KEY.encode() not in proxy.received[start:]
    assert PROVIDER_KEY.encode() in secured[0].received


@pytest.mark.parametrize("transport", ["slim", "httpx"])
def test_upstream_when_no_proxy_names_it_is_asked_directly(
    start_gateway: StartGateway, proxy: RawUpstream, chaos: Chaos, transport: str
) -> None:
    url = f"http://{USER}:{SPELLED}@127.0.0.1:{proxy.port}"
    gateway = start_gateway(GATEWAY_UPSTREAM_PROXY=url, NO_PROXY="10.0.0.0/8, 127.0.0.0/8", GATEWAY_TRANSPORT=transport)
    gateway.define("ok")
    named = {"name": "by name", "type": "openai_compatible", "api_base": chaos.base_url.replace("127.0.0.1", "localhost")}
    gateway.operator.define([named], [])
    gateway.define_models({"by name": [{"upstream_model": "ok", "provider": "by name"}]})
    before = proxy.connections
    assert words(gateway.chat("chaos/ok", stream=True)) == "Hello from chaos."
    assert proxy.connections == before
    assert gateway.chat("by name").status_code == 200
    assert proxy.connections == before + 1


def test_client_when_it_leaves_closes_the_upstream_behind_the_proxy(gateway: LiveGateway, chaos: Chaos) -> None:
    request = gateway.http.build_request(
        "POST", "/v1/chat/completions", json={"model": "chaos/stream-paced-20ms-5", "stream": True}
    )
    gateway.http.send(request, stream=True).close()
    assert chaos.wait_idle()


@pytest.mark.parametrize(
    ("model", "expected"), [("nobody", (502, "upstream_connect_failed")), ("chaos/hang", (504, "ttft_timeout"))]
)
def test_failure_behind_a_proxy_is_mapped(gateway: LiveGateway, model: str, expected: tuple[int, str]) -> None:
    response = gateway.chat(model)
    assert (response.status_code, error_of(response)["code"]) == expected


@pytest.mark.parametrize("model", ["chaos/ok", "secured"])
def test_proxy_when_it_refuses_is_a_failure_of_the_connection(behind: dict[str, LiveGateway], chaos: Chaos, model: str) -> None:
    response = behind["refused"].chat(model)
    assert (response.status_code, error_of(response)["code"]) == (502, "upstream_connect_failed")
    assert chaos.log() == []


def test_password_of_the_proxy_is_shown_nowhere(gateway: LiveGateway) -> None:
    answers = [gateway.chat(model) for model in MODELS]
    told = "".join(f"{answer.headers}{answer.text}" for answer in answers)
    shown = gateway.settled_log() + gateway.http.get("/metrics").text + told
    settings: Any = gateway.operator.command("diffsettings", "--all")
    assert "GATEWAY_UPSTREAM_PROXY = ***" in settings
    for secret in (PASSWORD, SPELLED):
        assert secret not in shown + settings


@pytest.mark.parametrize("transport", ["slim", "httpx"])
def test_proxy_of_the_environment_is_never_used(start_gateway: StartGateway, chaos: Chaos, transport: str) -> None:
    variables = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    gateway = start_gateway(GATEWAY_TRANSPORT=transport, **variables)
    gateway.define("ok")
    assert gateway.chat("chaos/ok").status_code == 200
