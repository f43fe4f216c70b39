"""What exactly goes upstream, and what exactly comes back? All bytes that are not the gateway's business stay as they are."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.live import PROVIDER_KEY, LiveGateway, error_of

CHAT = "/v1/chat/completions"
ALLOWED_UPSTREAM = {
    "host",
    "content-type",
    "content-length",
    "accept-encoding",
    "user-agent",
    "authorization",
    "x-request-id",
    "traceparent",
    "tracestate",
}
ODD_BODY = (
    b' {\t"temperature" : 0.10000000000000000555, "model" : "chaos/echo" ,\n"x_vendor":{"model":"chaos/echo","a":[1e2,-0,1E+2]},'
    b'"messages":[{"role":"user","content":"\\u00fc \\ud83d\\ude00 \xc3\xbc \\"model\\": \\"x\\" \\/"}],'
    b' "seed":123456789012345678901234567890,'
    b'"empty":"", "nothing":null,"tools":[],"model2":"chaos/echo"\r\n} '
)


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "echo", "ok-odd-json", "ok-tools")
    shared_gateway.define_models({"keyless": [{"upstream_model": "echo", "provider": "keyless"}]})
    shared_gateway.define_models({"Ünï/cødé": [{"upstream_model": "ok"}]})
    common = {"type": "openai_compatible", "api_base": shared_gateway.chaos.base_url + "/deep/path?version=1"}
    extras = {"extra_headers": {"X-Extra": "yes", "User-Agent": "other"}, "extra_body": {"user": "us", "odd": None, "seed": 7}}
    shared_gateway.operator.define([{"name": "extra", **common, **extras}, {"name": "brought", **common, "dynamic": "mine"}], [])
    shared_gateway.define_models({name: [{"upstream_model": "echo", "provider": name}] for name in ("extra", "brought")})


def post(gateway: LiveGateway, content: bytes, **headers: str) -> httpx.Response:
    return gateway.http.post(CHAT, content=content, headers=headers)


def seen_upstream(response: httpx.Response) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers and body that the upstream got."""
    assert response.status_code == 200
    if response.headers["content-type"].startswith("text/event-stream"):
        chunks = [json.loads(line[6:]) for line in response.text.split("\n") if line.startswith("data: {")]
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])
    else:
        text = response.json()["choices"][0]["message"]["content"]
    echoed: dict[str, Any] = json.loads(text)
    names = [name for name, _ in echoed["headers"]]
    assert len(names) == len(set(names)), f"a header is sent twice: {names}"
    return echoed["line"], dict(echoed["headers"]), base64.b64decode(echoed["body_base64"])


def test_body_when_sent_upstream_differs_only_in_the_model(gateway: LiveGateway) -> None:
    line, _, sent = seen_upstream(post(gateway, ODD_BODY))
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert sent == ODD_BODY.replace(b'"model" : "chaos/echo"', b'"model" : "echo"')


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"", b""),
        (b'"stream_options":{ "include_obfuscation" : false },', b'"stream_options":{ "include_obfuscation" : false'),
        (b'"stream_options":{"include_usage":false},', b'"stream_options":{"include_usage":true}'),
        (b'"stream_options":{"include_usage":true , "x":1.0},', b'"stream_options":{"include_usage":true , "x":1.0}'),
        (b'"stream_options":null,', b""),
    ],
)
def test_body_when_streamed_differs_only_in_the_model_and_the_wish_for_usage(
    gateway: LiveGateway, given: bytes, expected: bytes
) -> None:
    body = b'{"stream": true, ' + given + b'"odd":1.50, "model":"chaos/echo","messages":[{"a" : "b"}]}'
    _, _, sent = seen_upstream(post(gateway, body))
    fields = json.loads(sent)
    assert fields["stream_options"]["include_usage"] is True
    assert {**json.loads(body), "model": "echo", "stream_options": fields["stream_options"]} == fields
    for kept in (expected, b'"odd":1.50, "model":"echo","messages":[{"a" : "b"}]'):
        assert kept in sent


def test_headers_when_sent_upstream_are_the_gateways_own(gateway: LiveGateway) -> None:
    secrets = {
        "Cookie": "session=client-cookie-canary",
        "Proxy-Authorization": "Basic client-proxy-canary",
        "X-Forwarded-For": "10.1.2.3",
        "X-Real-IP": "10.1.2.3",
        "Forwarded": "for=10.1.2.3",
        "OpenAI-Organization": "org-client-canary",
        "OpenAI-Project": "proj-client-canary",
        "X-Gateway-Session-Id": "session-canary",
        "X-Cylestio-Session-Id": "session-canary",
        "X-TensorZero-Endpoint-Id": "endpoint-canary",
        "X-Stainless-Lang": "python",
        "X-Custom": "custom-canary",
        "Accept-Encoding": "br",
        "User-Agent": "client-agent-canary",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "x-request-id": "req-from-client.1",
    }
    _, headers, sent = seen_upstream(post(gateway, ODD_BODY, **secrets))
    assert set(headers) <= ALLOWED_UPSTREAM
    assert headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert headers["host"] == f"127.0.0.1:{gateway.chaos.port}"
    assert headers["content-length"] == str(len(sent))
    assert headers["accept-encoding"] == "identity"
    assert headers["traceparent"] == secrets["traceparent"]
    assert headers["x-request-id"] == "req-from-client.1"
    everything = json.dumps(headers)
    assert gateway.key not in everything
    assert "canary" not in everything.replace(PROVIDER_KEY, "")


@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
def test_client_key_when_in_another_header_does_not_go_upstream(gateway: LiveGateway, header: str) -> None:
    response = httpx.post(f"{gateway.base_url}{CHAT}", content=ODD_BODY, headers={header: gateway.key}, trust_env=False)
    _, headers, _ = seen_upstream(response)
    assert header not in headers
    assert headers["authorization"] == f"Bearer {PROVIDER_KEY}"


def test_authorization_when_the_provider_has_no_key_is_not_sent(gateway: LiveGateway) -> None:
    _, headers, _ = seen_upstream(gateway.chat("keyless"))
    assert "authorization" not in headers


def test_provider_when_it_adds_headers_and_fields_sends_them(gateway: LiveGateway) -> None:
    line, headers, sent = seen_upstream(gateway.chat("extra", seed=1, temperature=0))
    assert line == "POST /v1/deep/path/chat/completions?version=1 HTTP/1.1"
    assert (headers["x-extra"], headers["user-agent"]) == ("yes", "other")
    fields = json.loads(sent)
    assert (fields["user"], fields["odd"], fields["seed"], fields["temperature"]) == ("us", None, 7, 0)


def test_credential_when_brought_by_the_request_is_sent_and_kept_secret(gateway: LiveGateway) -> None:
    brought = "sk-brought-canary-5e6f7a8b"
    _, headers, sent = seen_upstream(gateway.chat("brought", **{"tensorzero::credentials": {"mine": brought}}))
    assert headers["authorization"] == f"Bearer {brought}"
    assert b"tensorzero" not in sent
    assert b"canary" not in sent
    missing = gateway.chat("brought", **{"tensorzero::credentials": {"other": brought}})
    assert missing.status_code in (400, 502)
    assert error_of(missing)
    assert brought not in missing.text + gateway.settled_log()


@pytest.mark.parametrize("mib", [0.5, 3])
def test_body_when_large_arrives_whole(gateway: LiveGateway, mib: float) -> None:
    content = json.dumps({"model": "chaos/ok", "messages": [{"role": "user", "content": "ab" * int(mib * 2**19)}]}).encode()
    assert post(gateway, content).status_code == 200
    (seen,) = gateway.chaos.log()
    assert seen["body_sha256"] == hashlib.sha256(content.replace(b'"chaos/ok"', b'"ok"')).hexdigest()


def test_answers_when_many_are_asked_and_some_given_up_are_never_mixed_up(gateway: LiveGateway) -> None:
    def one(number: int) -> bool:
        nonce = f"nonce-{number}-{number * 7919 % 1000}"
        content = json.dumps({"model": "chaos/echo", "messages": [{"content": nonce}], "stream": number % 2 == 0}).encode()
        impatient = number % 3 == 0
        try:
            answer = gateway.http.post(CHAT, content=content, timeout=0.001 if impatient else 10)
        except httpx.TimeoutException:
            return impatient
        return nonce.encode() in seen_upstream(answer)[2]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(400)))


def test_answer_when_sent_back_differs_only_in_the_model(gateway: LiveGateway) -> None:
    direct = gateway.chaos_answer("ok-odd-json").content
    response = gateway.chat("chaos/ok-odd-json")
    assert response.content == direct.replace(b'"model" : "ok-odd-json"', b'"model" : "chaos/ok-odd-json"')
    tools = gateway.chat("chaos/ok-tools").json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert tools == '{"model": "in arguments"}'


@pytest.mark.parametrize("stream", [False, True])
def test_model_in_the_answer_is_the_name_that_the_client_sent(gateway: LiveGateway, stream: bool) -> None:
    for name in ("chaos/ok", "tensorzero::model_name::chaos/ok", "Ünï/cødé"):
        response = gateway.chat(name, stream=stream)
        lines = response.text.split("\n\n") if stream else [response.text]
        objects = [json.loads(line.removeprefix("data: ")) for line in lines if "{" in line]
        assert {found["model"] for found in objects} == {name}


@pytest.mark.parametrize("stream", [False, True])
def test_headers_of_the_answer_tell_the_way_and_nothing_of_the_upstream(gateway: LiveGateway, stream: bool) -> None:
    headers = gateway.chat("chaos/ok", stream=stream).headers
    assert headers["x-gateway-model"] == "chaos/ok"
    assert headers["x-gateway-provider"] == "chaos"
    assert headers["x-gateway-attempts"] == "1"
    assert 0 <= float(headers["x-gateway-overhead-ms"]) < 1000
    assert headers["x-request-id"] != "req_chaos"
    assert not {"set-cookie", "openai-processing-ms", "server"} & set(headers)


@pytest.mark.parametrize("given", ["abc", "A-1_2.x", "a" * 128])
def test_request_id_when_sane_is_kept(gateway: LiveGateway, given: str) -> None:
    response = post(gateway, ODD_BODY, **{"x-request-id": given})
    assert response.headers["x-request-id"] == given
    assert seen_upstream(response)[1]["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "ü", "a;b", "<script>", "../x"])
def test_request_id_when_not_sane_is_replaced(gateway: LiveGateway, given: str) -> None:
    response = gateway.http.post(CHAT, content=ODD_BODY, headers=[(b"x-request-id", given.encode())])
    made = response.headers["x-request-id"]
    assert made != given
    assert seen_upstream(response)[1]["x-request-id"] == made


def test_request_id_when_the_request_fails_is_there_too(gateway: LiveGateway) -> None:
    response = gateway.http.get("/v1/nothing", headers={"x-request-id": "mine"})
    assert error_of(response)
    assert response.headers["x-request-id"] == "mine"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_path_when_without_v1_is_the_same(gateway: LiveGateway, path: str) -> None:
    assert gateway.http.post(path, content=ODD_BODY).status_code == 200


def test_tracestate_when_it_comes_in_several_headers_goes_on_as_one_list(gateway: LiveGateway) -> None:
    headers = [("content-type", "application/json"), ("tracestate", "a=1,b=2"), ("traceparent", "00-1"), ("tracestate", "c=3")]
    answer = gateway.http.post(CHAT, content=ODD_BODY, headers=[*gateway.headers().items(), *headers])
    assert seen_upstream(answer)[1]["tracestate"] == "a=1,b=2,c=3"
