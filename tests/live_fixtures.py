"""Which running servers do the integration tests share? One chaos upstream and one gateway for each test process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.chaos.process import Chaos, chaos_upstream
from tests.live import LiveGateway, make_template

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells every request that a test makes


@pytest.fixture(scope="session")
def shared_chaos() -> Iterator[Chaos]:
    with chaos_upstream() as chaos:
        yield chaos


@pytest.fixture(scope="session")
def data_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a migrated SQLite database."""
    return make_template(tmp_path_factory.mktemp("template") / "data")


@pytest.fixture(scope="session")
def shared_gateway(shared_chaos: Chaos, data_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """The gateway for module fixtures that define models; tests take `gateway`."""
    with LiveGateway(tmp_path_factory.mktemp("gateway") / "data", shared_chaos, template=data_template) as running:
        yield running


StartGateway = Callable[..., LiveGateway]


@pytest.fixture(scope="module")
def start_gateway(shared_chaos: Chaos, data_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartGateway]:
    """Starts further gateways: `start_gateway(workers=2, NAME="value of an environment variable")`. They end with the module."""
    with ExitStack() as running:

        def start(*, workers: int = 1, **variables: str) -> LiveGateway:
            directory = tmp_path_factory.mktemp("gateway") / "data"
            return running.enter_context(
                LiveGateway(directory, shared_chaos, workers=workers, template=data_template, **variables)
            )

        yield start


@pytest.fixture
def chaos(shared_chaos: Chaos) -> Chaos:
    """The upstream with an empty log and no scripts."""
    shared_chaos.reset()
    return shared_chaos


@pytest.fixture(scope="module")
def _rows_checked(shared_gateway: LiveGateway) -> Iterator[None]:
    """After the tests of a file: one row for every request."""
    yield
    shared_gateway.check_rows()


@pytest.fixture
def gateway(chaos: Chaos, shared_gateway: LiveGateway, _rows_checked: None) -> Iterator[LiveGateway]:
    """The shared gateway, checked after the test for what must always hold."""
    yield shared_gateway
    shared_gateway.check()
