"""Are numbers, ranks and tokens asked of AWS Bedrock's models in the forms of their makers?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.fakes.bedrock import guarded, refused
from tests.fakes.vendor import Said, Seen, Vendor, said
from tests.integration.test_vendor_bedrock import COHERE, RANKER, TITAN, answer, answers, path, upstream
from tests.live import LiveGateway, error_of

__all__ = ["answers", "upstream"]


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def test_titan_when_asked_for_several_texts_then_each_is_a_call_and_all_come_in_their_order(
    client: OpenAI, upstream: Vendor
) -> None:
    def numbers(seen: Seen) -> Said:
        return said({"embedding": [float(len(seen.json["inputText"])), 0.5], "inputTextTokenCount": 2})

    upstream.answers[path(TITAN, "invoke")] = guarded(numbers)
    texts = ["a" * length for length in range(1, 13)]
    made = client.embeddings.create(model="rock/titan", input=texts, dimensions=256)
    assert [one.embedding for one in made.data] == [[float(length), 0.5] for length in range(1, 13)]
    assert (made.usage.prompt_tokens, made.model) == (24, "rock/titan")
    assert len(upstream.seen) == 12
    assert upstream.last.json.keys() == {"inputText", "dimensions"}


def test_titan_when_one_call_fails_then_its_failure_is_told(gateway: LiveGateway, upstream: Vendor) -> None:
    def numbers(seen: Seen) -> Said:
        good = said({"embedding": [0.5], "inputTextTokenCount": 1})
        return good if seen.json["inputText"] == "a" else refused("ThrottlingException", "Slow.", 429)

    upstream.answers[path(TITAN, "invoke")] = guarded(numbers)
    answered = gateway.http.post("/v1/embeddings", json={"model": "rock/titan", "input": ["a", "b", "a"]})
    assert (answered.status_code, error_of(answered)["code"]) == (429, "upstream_rate_limited")


def test_cohere_when_asked_for_texts_then_one_call_with_its_fields(gateway: LiveGateway, upstream: Vendor) -> None:
    told = said({"embeddings": {"float": [[0.5, 1.5], [2.5, 3.5]]}, "id": "e1"}, x_amzn_bedrock_input_token_count="4")
    upstream.answers[path(COHERE, "invoke")] = guarded(lambda seen: told)
    fields = {"input": ["a", "b"], "dimensions": 2, "input_type": "search_query", "user": "u"}
    answered = gateway.http.post("/v1/embeddings", json={"model": "rock/cohere", **fields})
    assert answered.headers["x-gateway-lossy"] == "user"
    assert [one["embedding"] for one in answered.json()["data"]] == [[0.5, 1.5], [2.5, 3.5]]
    assert answered.json()["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert upstream.last.json == {
        "texts": ["a", "b"],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "output_dimension": 2,
    }


@pytest.mark.parametrize("given", [[1, 2, 3], [[1, 2], [3]]])
def test_embedding_when_asked_for_tokens_then_refused(given: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    answered = gateway.http.post("/v1/embeddings", json={"model": "rock/titan", "input": given})
    assert (answered.status_code, error_of(answered)["param"]) == (400, "input")
    assert upstream.seen == []


def test_rerank_when_asked_then_texts_are_sent_and_documents_given_back(gateway: LiveGateway, upstream: Vendor) -> None:
    ranked = said({"results": [{"index": 1, "relevance_score": 0.75}]})
    upstream.answers[path(RANKER, "invoke")] = guarded(lambda seen: ranked)
    fields = {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True}
    answered = gateway.http.post("/v1/rerank", json={"model": "rock/ranker", **fields})
    assert upstream.last.json == {"query": "q", "documents": ["a", "b"], "top_n": 1, "api_version": 2}
    assert answered.json()["results"] == [{"index": 1, "relevance_score": 0.75, "document": {"text": "b"}}]


# Tokens


def test_tokens_when_the_model_counts_then_its_number(gateway: LiveGateway, upstream: Vendor) -> None:
    answer(upstream, said({"inputTokens": 42}), "count-tokens")
    answered = gateway.http.post(
        "/v1/responses/input_tokens", json={"model": "rock/arn", "input": "hi", "instructions": "Be brief."}
    )
    assert answered.json()["input_tokens"] == 42
    hi = [{"role": "user", "content": [{"text": "hi"}]}]
    assert upstream.last.json == {"input": {"converse": {"messages": hi, "system": [{"text": "Be brief."}]}}}


def test_tokens_when_the_model_counts_none_then_estimated(gateway: LiveGateway, upstream: Vendor) -> None:
    answer(upstream, refused("ValidationException", "The provided model doesn't support counting tokens.", 400), "count-tokens")
    answered = gateway.http.post("/v1/responses/input_tokens", json={"model": "rock/arn", "input": "hi"})
    assert answered.status_code == 200
    assert answered.json()["input_tokens"] > 0
