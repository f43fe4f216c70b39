"""Which steps has a request to the Responses API that others have not? What it continues, and what is kept of its answer.

They are given to the exchange as its `prepare`, `ask` and `keep`; the order of all steps is in `pipeline/exchange.py`.
"""

from __future__ import annotations

from functools import partial

from openai_api.context import Gateway, Handler, Inbound
from openai_api.errors import ApiError
from openai_api.pipeline.exchange import Decode, exchange_of, generate
from openai_api.pipeline.state import Exchange
from openai_api.responses.continue_response import continue_response, not_found, own_place
from openai_api.responses.count_response import count_response
from openai_api.responses.keep_response import keep_response
from openai_api.responses.queue_response import is_made_here, queue_response
from openai_api.responses.response_model import sealing
from openai_api.responses.response_session import keep_session, keeping_session
from providers.convert.response_actions import ACTIONS
from providers.offload import offload
from providers.types import Action, Call, Target

GONE = "previous_response_not_found"


def responding(decode: Decode) -> Handler:
    """The handler of an endpoint that is asked for responses, or for what is done with their requests."""

    async def handler(gateway: Gateway, inbound: Inbound) -> None:
        await take_request(gateway, inbound, decode)

    return handler


async def take_request(gateway: Gateway, inbound: Inbound, decode: Decode) -> None:
    """The journey of a request to the Responses API. Raises `ApiError`."""
    call = await offload(len(inbound.body), decode, inbound)
    action = call.response.action
    exchange = exchange_of(gateway, inbound, call, ask=ACTIONS[action], prepare=prepare_response)
    if action is not Action.CREATE:
        inbound.record.capability = None  # nothing is generated, or it is accounted for otherwise
    try:
        await generate(exchange)
    except ApiError as error:
        _say_in_own_terms(error, exchange.call)
        raise


async def prepare_response(exchange: Exchange) -> bool:
    """Puts what went before in front of the request, and settles what is kept of the answer. True if it has answered, which it
    does for a response in the background that the gateway makes itself. Raises `ApiError`."""
    gateway, client, context = exchange.gateway, exchange.client, exchange.call.response
    exchange.call = _sealing(exchange)
    exchange.call = call = await continue_response(exchange)
    exchange.record.counted_apart = context.background
    if context.background:
        if is_made_here(call, exchange.entry):
            await keep_session(exchange, context.id)
            await queue_response(exchange)
            return True
        exchange.only = _keeps_responses
        exchange.keep = partial(count_response, gateway, exchange.inbound)
    elif context.action is Action.CREATE:
        exchange.keep = partial(keep_response, gateway.responses, call, client)
    exchange.keep = keeping_session(exchange, exchange.keep)
    return False


def _sealing(exchange: Exchange) -> Call:
    """The call with what makes the outside ids of responses, and what seals and opens the client's compactions."""
    gateway, call, owner = exchange.gateway, exchange.call, exchange.client.id
    return call.with_response(
        seal=sealing(gateway.response_ids, exchange.client, exchange.entry, call.model, call.capability),
        seal_summary=partial(gateway.summaries.seal, owner),
        open_summary=partial(gateway.summaries.open, owner),
    )


def _keeps_responses(target: Target) -> bool:
    """Targets that make responses in the background themselves: the gateway's own ones are asked without that field."""
    return target.keeps_responses


def _say_in_own_terms(error: ApiError, call: Call) -> None:
    """Makes an error speak of the request as the client sent it. Raises another in its place where the upstream's words hold
    the upstream's id."""
    context = call.response
    if call.pinned and context.previous_id and error.code == GONE:
        raise not_found(context.previous_id) from error
    if error.param and context.before:
        error.param = own_place(error.param, context.before)
