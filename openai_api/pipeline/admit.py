"""May the request go on? Every admission is asked in turn; the exchange settles the leases that they give."""

from __future__ import annotations

from openai_api.limits.admission import Known
from openai_api.pipeline.state import Exchange


async def admit(exchange: Exchange) -> Known | None:
    """The answer, if an admission knows it. Raises `ApiError`; leases given before are in the exchange even then."""
    for admission in exchange.gateway.admissions:
        given = await admission.admit(exchange.call, exchange.client, exchange.entry)
        if isinstance(given, Known):
            return given
        if given is not None:
            exchange.leases += (given,)
    return None
