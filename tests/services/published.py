"""How does a test publish keys and models as another program does? By what `redis-cli` sets."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import uuid4

import httpx

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body
from tests.services.own_redis import OwnRedis

WITHIN_S = 1.0
EVENTS = "KEA"


def entry(endpoint: str, **ids: str) -> dict[str, str]:
    return {"endpoint_id": endpoint, "model_id": "model-1", "project_id": "project-1", **ids}


def new_key(beginning: str = "bud") -> str:
    return f"{beginning}_{uuid4().hex}"


def digest(key: str) -> str:
    """What a client key is called where nothing but its hash is published."""
    return hashlib.sha256(b"bud-" + key.encode()).hexdigest()


def model_table(gateway: LiveGateway, name: str, upstream: str = "ok", **fields: Any) -> dict[str, Any]:
    """A model at the chaos upstream, as it is published."""
    provider = {"type": "vllm", "model_name": upstream, "api_base": gateway.chaos.base_url, "api_key_location": "none"}
    return {name: {"routing": ["vllm"], "providers": {"vllm": provider}, "endpoints": ["chat"], **fields}}


class Published:
    """A Redis in which things are published, and the gateway that reads them."""

    def __init__(self, redis: OwnRedis, gateway: LiveGateway) -> None:
        self.redis = redis
        self.gateway = gateway

    def set(self, name: str, value: object, *more: str) -> None:
        """What is no text is written as JSON."""
        self.redis.cli("SET", name, value if isinstance(value, str) else json.dumps(value), *more)

    def key(self, key: str, *more: str, **models: str) -> None:
        """A key with the names of models and their endpoints, by its own text."""
        self.set(f"api_key:{key}", {key: {name: entry(endpoint) for name, endpoint in models.items()}}, *more)

    def model(self, name: str, upstream: str = "ok", **fields: Any) -> None:
        self.set(f"model_table:{name}", model_table(self.gateway, name, upstream, **fields))

    def ask(self, key: str, model: str) -> httpx.Response:
        headers = self.gateway.headers(key)
        url = f"{self.gateway.base_url}/v1/chat/completions"
        return httpx.post(url, headers=headers, json=body(model), trust_env=False, timeout=5)

    def serves(self, key: str, model: str) -> bool:
        return self.ask(key, model).status_code == 200

    def wait(self, key: str, model: str, status: int, within: float = WITHIN_S) -> None:
        answered = eventually(lambda: self.ask(key, model).status_code == status, within, 0.02)
        assert answered, (self.ask(key, model).text, self.gateway.log_text()[-3000:])
