"""What was said up to a response that lies at an upstream to which the model does not lead? It is asked for there."""

from __future__ import annotations

from functools import partial

from openai_api.errors import upstream
from openai_api.pipeline.route import Exhausted, route
from openai_api.pipeline.state import Exchange
from openai_api.recording.events import Attempt
from openai_api.responses.ids import Sealed
from openai_api.responses.response_model import model_of
from providers.convert.response_history import history
from providers.wire.openai_responses.items import Json

NOT_FOUND = 404


async def fetch_context(exchange: Exchange, sealed: Sealed) -> list[Json] | None:
    """The items; None if the client may not use that response, or it is not there. The time is the request's, the tries are none
    of its own. Raises `ApiError`."""
    call, gateway = exchange.call, exchange.gateway
    found = model_of(sealed, call.capability, exchange.client, exchange.catalog)
    if found is None:
        return None
    asking = partial(history, call, sealed.upstream_id, gateway.transport)
    attempts: list[Attempt] = []
    try:
        _, items = await route(
            found[0],
            call.capability,
            exchange.catalog,
            gateway.breakers,
            attempts,
            asking,
            only=lambda target: target.id == sealed.target,
            brought=call.credentials,
        )
    except Exhausted as failure:
        if failure.error.upstream_status == NOT_FOUND:
            return None
        raise upstream(failure.error) from failure
    else:
        return items
    finally:
        exchange.record.context_s += sum(attempt.upstream_s for attempt in attempts)
