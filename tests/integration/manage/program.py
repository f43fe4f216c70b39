"""What does a program do that manages the gateway? It sends a token and JSON."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from models_catalog.models import Tenant
from openai_api.database.management_tokens import create_token
from tests.integration.manage.documented import Operation, check


class Api:
    """A program with a token, which looks whether each answer is as the document says. `served` are the operations that were."""

    def __init__(self, *scopes: str, tenant: Tenant | None = None) -> None:
        self.row, self.token = create_token("tests", list(scopes) or ["*"], tenant=tenant)
        self._client = Client()
        self.served: set[Operation] = set()

    def __call__(self, method: str, path: str, body: Any = None, status: int | None = None, **headers: str) -> Any:
        """The answer; `body` is written as JSON unless it is bytes, and `status` is what must come."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = self._client.generic(method, f"/manage/v1/{path}", content, "application/json", headers=sent)
        assert status is None or answer.status_code == status, (answer.status_code, answer.content)
        place = "/manage/v1/" + path.partition("?")[0]
        told = check(method, place, answer.status_code, answer.json() if answer.content else None)
        if told is not None and answer.status_code < 400:
            self.served.add(told)
        return answer

    def error(self, method: str, path: str, body: Any = None, status: int = 400, **headers: str) -> Any:
        """The error object of a refusal."""
        return self(method, path, body, status, **headers).json()["error"]
