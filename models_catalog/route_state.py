"""How are routes and providers now? What the worker of this process knows, for the pages that it serves.

Where none serves, nothing is known. Other workers have circuits of their own, which open and close as they see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from models_catalog.target_ids import route_of
from providers.breaker import CircuitState, LastFailure

Full = Callable[[], Mapping[str, float]]
Circuits = Callable[[], Mapping[str, CircuitState]]
Failures = Callable[[], Mapping[str, LastFailure]]


class Traffic(NamedTuple):
    """Requests that a provider was the last to be asked for, in the last hour, and how many of them failed."""

    requests: int
    errors: int


Served = Callable[[], Mapping[str, Traffic]]
_sources: dict[str, Full] = {}
_circuits: dict[str, Circuits] = {}
_failures: dict[str, Failures] = {}
_traffic: dict[str, Served] = {}


def tell_full(source: str, full: Full) -> None:
    """From now on this is asked, in any thread, for the ids of targets at a limit, with the seconds until they may not be."""
    _sources[source] = full


def tell_circuits(source: str, circuits: Circuits, failures: Failures) -> None:
    """From now on these are asked, in any thread: for the circuits of targets by their names, for last failures by ids."""
    _circuits[source], _failures[source] = circuits, failures


def tell_traffic(source: str, served: Served) -> None:
    """From now on this is asked, in any thread, for what providers have served, by their names."""
    _traffic[source] = served


def full_routes() -> dict[str, float]:
    """The routes of all that are known of, by their primary keys."""
    return {route_of(target): seconds for full in tuple(_sources.values()) for target, seconds in full().items()}


def circuits() -> dict[str, CircuitState]:
    """The circuits that are not closed, by the ids of targets; of many names of one pattern the one that rests longest."""
    found: dict[str, CircuitState] = {}
    for told in tuple(_circuits.values()):
        for name, state in told().items():
            target = name.rpartition(":")[0]
            if state.state != "closed" and (target not in found or found[target].seconds < state.seconds):
                found[target] = state
    return found


def last_failures() -> dict[str, LastFailure]:
    """How targets failed last, by their ids."""
    return {target: failure for told in tuple(_failures.values()) for target, failure in told().items()}


def traffic() -> dict[str, Traffic]:
    """What providers have served in the last hour, by their names; only those of which something is known."""
    return {name: served for told in tuple(_traffic.values()) for name, served in told().items()}
