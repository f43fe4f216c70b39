"""What does a program do that manages the gateway? It sends a token and JSON."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from models_catalog.models import Tenant
from openai_api.database.management_tokens import create_token


class Api:
    """A program with a token."""

    def __init__(self, *scopes: str, tenant: Tenant | None = None) -> None:
        self.row, self.token = create_token("tests", list(scopes) or ["*"], tenant=tenant)
        self._client = Client()

    def __call__(self, method: str, path: str, body: Any = None, status: int | None = None, **headers: str) -> Any:
        """The answer; `body` is written as JSON unless it is bytes, and `status` is what must come."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        told = {"authorization": f"Bearer {self.token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = self._client.generic(method, f"/manage/v1/{path}", content, "application/json", headers=told)
        assert status is None or answer.status_code == status, (answer.status_code, answer.content)
        return answer

    def error(self, method: str, path: str, body: Any = None, status: int = 400, **headers: str) -> Any:
        """The error object of a refusal."""
        return self(method, path, body, status, **headers).json()["error"]
