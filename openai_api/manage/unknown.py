"""What of a path that the management API has not? 404, in its own form."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response

from openai_api.manage.problems import Problem
from openai_api.manage.views import View


class UnknownPath(View):
    """Asks for a token first: who has none is not told which paths there are."""

    def get(self, request: Any) -> Response:
        raise Problem(404, "not_found", f"Unknown path: {request.method} {request.path[:200]}. See /docs.")

    post = put = patch = delete = get
