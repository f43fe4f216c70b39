"""What does a hook know of the session of a request? This one tells it in the place of an answer."""

from __future__ import annotations

import json

from openai_api.hooks import HookContext, HookRequest, Refusal


class TellsItsSession:
    def before_request(self, context: HookContext, request: HookRequest) -> None:
        record = context.record
        known = {"session": context.session_id, "agent": context.agent_id, "tags": context.tags}
        raise Refusal(418, "told", json.dumps({**known, "new": record.session_new, "seen": record.session_seen}))

    def after_request(self, context: HookContext, request: HookRequest, answer: object) -> None: ...
