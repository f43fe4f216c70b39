"""May the request go on? Every admission is asked in turn; the exchange settles the leases that they give."""

from __future__ import annotations

from openai_api.limits.admission import Known
from openai_api.pipeline.state import Exchange, asking_of


async def admit(exchange: Exchange) -> Known | None:
    """The answer, if an admission knows it. Raises `ApiError`; leases given before are in the exchange even then."""
    asking = asking_of(exchange)
    for admission in exchange.gateway.admissions:
        given = await admission.admit(asking)
        if isinstance(given, Known):
            return given
        if given is not None:
            exchange.leases += (given,)
            exchange.inbound.head += given.head
    return None
