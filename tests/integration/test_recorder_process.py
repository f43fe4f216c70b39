"""Do requests not notice what becomes of the recorder process, and is each written and counted once all the same?"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_project.recording import RUN_DIR, SOCKET
from openai_api.recording.batches import whole_frames
from tests.fakes.chaos.process import eventually
from tests.integration.test_recording_metrics import CHAT, total
from tests.integration.test_workers import recorders, workers
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway
from tests.services.traffic import Traffic

WRITTEN_WITHIN_S = 10.0
"""Half a second in peace."""
AGAIN_WITHIN_S = 15.0
"""1 second in peace."""
STOPPED_S = 8.0
AWAY_S = 10.0
DRAIN_S = 1.0
EXIT_WITHIN_S = DRAIN_S + 6.0
"""`DRAIN_S` and 3 seconds in peace."""
DIED = "recorder died: starting it again"
CANNOT_START = "the recorder cannot start"
NOTHING_TAKEN = "recorder does not respond"
WORKS_AGAIN = "recorder recovered"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes in /proc")


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def of_module(request: pytest.FixtureRequest, start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(workers=request.param, GATEWAY_RECORDER="process", GATEWAY_DRAIN_S=str(DRAIN_S), LOG_LEVEL="info")
    gateway.define("ok")
    return gateway


@pytest.fixture
def served(of_module: LiveGateway) -> LiveGateway:
    """A gateway with a recorder that works, started again if the test before has ended it."""
    if of_module.process.poll() is not None:
        of_module.restart()
    assert eventually(lambda: states(of_module) == {"ok"}, AGAIN_WITHIN_S, 0.1)
    return of_module


def recorder_of(gateway: LiveGateway) -> int:
    """The process id of the recorder, once it has one."""
    assert eventually(lambda: len(recorders(gateway)) == 1, AGAIN_WITHIN_S, 0.05)
    return recorders(gateway)[0]


def status(gateway: LiveGateway) -> dict[str, Any]:
    """What one of the workers says of the recorder."""
    told: dict[str, Any] = httpx.get(f"{gateway.base_url}/status", trust_env=False, timeout=5).json()["recorder"]
    return told


def states(gateway: LiveGateway) -> set[str]:
    return {status(gateway)["state"] for _ in range(6)}


def ready(gateway: LiveGateway) -> bool:
    return httpx.get(f"{gateway.base_url}/readyz", trust_env=False, timeout=5).status_code == 200


def counted(gateway: LiveGateway) -> float:
    """Chat requests that the metrics tell."""
    with httpx.Client(base_url=gateway.base_url, trust_env=False, timeout=10) as client:
        return total(client, "requests_total", CHAT)


def dropped(gateway: LiveGateway) -> float:
    with httpx.Client(base_url=gateway.base_url, trust_env=False, timeout=10) as client:
        return total(client, "records_dropped_total")


def rows(gateway: LiveGateway, prefix: str) -> Counter[str]:
    found = gateway.operator.rows("openai_api.UsageRecord", {"request_id__startswith": f"{prefix}-"})
    return Counter(row["request_id"] for row in found)


@contextmanager
def traffic(gateway: LiveGateway, prefix: str) -> Iterator[Traffic]:
    """Requests while something happens to the recorder; afterwards none has noticed, and each is written and counted once."""
    before = counted(gateway)
    with Traffic(gateway, prefix) as asked:
        yield asked
    assert asked.statuses() == {200}
    assert len(asked.ids()) > 50
    assert eventually(lambda: set(rows(gateway, prefix)) >= asked.ids(), WRITTEN_WITHIN_S, 0.2), len(rows(gateway, prefix))
    assert rows(gateway, prefix) == Counter(asked.ids())
    assert eventually(lambda: counted(gateway) - before >= len(asked.asked), WRITTEN_WITHIN_S, 0.1), counted(gateway) - before
    time.sleep(0.5)
    assert counted(gateway) - before == len(asked.asked)
    assert dropped(gateway) == 0
    assert eventually(lambda: states(gateway) == {"ok"}, AGAIN_WITHIN_S, 0.1)
    assert eventually(lambda: status(gateway)["waiting"] <= 1, WRITTEN_WITHIN_S, 0.1)


def lines_of(gateway: LiveGateway, start: int, text: str) -> int:
    """Lines of the log since then that say that."""
    return sum(text in line for line in gateway.log_text(start).splitlines())


def test_recorder_when_killed_again_and_again_under_load_loses_no_row_and_counts_none_twice(served: LiveGateway) -> None:
    start = served.log_path.stat().st_size
    killed: list[int] = []
    with traffic(served, "killed"):
        for _ in range(3):
            time.sleep(1.3)
            killed.append(recorder_of(served))
            os.kill(killed[-1], signal.SIGKILL)
            assert ready(served)
            assert eventually(lambda: recorders(served) not in ([], killed[-1:]), AGAIN_WITHIN_S, 0.05)
            assert eventually(lambda: states(served) == {"ok"}, AGAIN_WITHIN_S, 0.1)
        time.sleep(0.5)
    assert len(set(killed)) == 3
    assert lines_of(served, start, DIED) in (1, 2), "not each time, when they die soon after one another"
    served.check(expected=DIED)


def test_recorder_when_stopped_for_some_seconds_then_requests_do_not_notice_and_nothing_is_lost(served: LiveGateway) -> None:
    start = served.log_path.stat().st_size
    with traffic(served, "stopped"):
        time.sleep(0.5)
        stopped = recorder_of(served)
        os.kill(stopped, signal.SIGSTOP)
        try:
            ended = time.monotonic() + STOPPED_S
            assert eventually(lambda: states(served) == {"stuck"}, 4, 0.1)
            assert status(served)["waiting"] > 0
            assert ready(served)
            time.sleep(ended - time.monotonic())
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert eventually(lambda: states(served) == {"ok"}, AGAIN_WITHIN_S, 0.1)
    assert recorders(served) == [stopped]
    each = max(len(workers(served)), 1)
    assert lines_of(served, start, NOTHING_TAKEN) == each, "once for each worker"
    assert eventually(lambda: lines_of(served, start, WORKS_AGAIN) == each, 5)
    served.check()


@contextmanager
def barred(gateway: LiveGateway) -> Iterator[None]:
    """No recorder can start: the place of its socket is taken."""
    recorder = recorder_of(gateway)
    variables = dict(line.split("=", 1) for line in Path(f"/proc/{recorder}/environ").read_text().split("\0") if "=" in line)
    place = Path(variables[RUN_DIR]) / SOCKET
    place.unlink()
    place.mkdir()
    os.kill(recorder, signal.SIGKILL)
    yield
    place.rmdir()


def leave_twice(gateway: LiveGateway) -> None:
    """What waits on disk is there a second time, as a recorder leaves it that is killed while it takes it."""
    for path in list((gateway.log_path.parent / "spool").glob("*.frames")):
        frames = whole_frames(bytearray(path.read_bytes()))
        path.with_name(f"again-{path.name}").write_bytes(b"".join(frames))


def test_recorder_when_it_cannot_start_for_long_then_requests_do_not_notice_and_nothing_is_lost(served: LiveGateway) -> None:
    start = served.log_path.stat().st_size
    time.sleep(5)  # it has lived for a while, so that its death is told
    with traffic(served, "away"):
        time.sleep(0.5)
        with barred(served):
            ended = time.monotonic() + AWAY_S
            assert eventually(lambda: states(served) == {"away"}, 2, 0.1)
            assert ready(served)
            assert eventually(lambda: list((served.log_path.parent / "spool").glob("*.frames")), 4), "what waits goes to disk"
            time.sleep(ended - time.monotonic())
            assert recorders(served) == [] or states(served) == {"away"}
            leave_twice(served)
        assert eventually(lambda: states(served) == {"ok"}, 2 * AGAIN_WITHIN_S, 0.1)
    lines = {text: lines_of(served, start, text) for text in (DIED, CANNOT_START, NOTHING_TAKEN)}
    assert lines == {DIED: 1, CANNOT_START: 1, NOTHING_TAKEN: max(len(workers(served)), 1)}
    assert list((served.log_path.parent / "spool").iterdir()) == []
    served._checked = served.log_path.stat().st_size  # both errors are expected


def test_server_when_ended_while_its_recorder_is_stopped_then_it_ends_in_time_and_rows_come_with_the_next_start(
    served: LiveGateway,
) -> None:
    stopped = recorder_of(served)
    with Traffic(served, "ended") as asked:
        time.sleep(0.5)
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(0.5)
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0
        assert time.monotonic() - began < EXIT_WITHIN_S
    assert not Path(f"/proc/{stopped}").exists(), "no child outlives the server"
    served.restart()
    assert eventually(lambda: set(rows(served, "ended")) >= asked.ids(), WRITTEN_WITHIN_S, 0.2)
    assert set(rows(served, "ended").values()) == {1}
    served.check()


def test_server_when_ended_under_load_then_the_recorder_ends_last_and_has_written_everything(served: LiveGateway) -> None:
    recorder = recorder_of(served)
    with Traffic(served, "drained", pause_s=0.005) as asked:
        time.sleep(1)
        os.kill(recorder, signal.SIGTERM)  # a service manager tells every process
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(EXIT_WITHIN_S) == 0
    assert not Path(f"/proc/{recorder}").exists()
    assert rows(served, "drained") >= Counter(asked.ids())
    assert set(rows(served, "drained").values()) == {1}
    assert list((served.log_path.parent / "spool").glob("*")) == []


def test_server_when_killed_then_its_recorder_writes_what_it_has_and_ends(served: LiveGateway) -> None:
    recorder = recorder_of(served)
    with Traffic(served, "orphan") as asked:
        time.sleep(1)
        old = asked.ids()
        time.sleep(0.5)
        served.process.kill()
        served.process.wait()
    assert eventually(lambda: not Path(f"/proc/{recorder}").exists(), EXIT_WITHIN_S, 0.1)
    assert eventually(lambda: set(rows(served, "orphan")) >= old, WRITTEN_WITHIN_S, 0.1)
    served.http.close()
    served.start()
    served._wait_ready()


def test_recorder_when_one_processor_is_all_there_is_or_the_setting_says_so_is_a_thread(start_gateway: StartGateway) -> None:
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        single = start_gateway()
    finally:
        os.sched_setaffinity(0, mine)
    chosen = start_gateway(GATEWAY_RECORDER="thread")
    for gateway in (single, chosen):
        told = status(gateway)
        assert (told["mode"], told["state"], told["dropped"]) == ("thread", "ok", 0)
        assert recorders(gateway) == []
    if len(mine) > 1:
        auto = start_gateway()
        assert status(auto)["mode"] == "process"
        assert len(recorders(auto)) == 1


def test_access_log_when_written_by_the_recorder_names_the_worker_and_goes_to_standard_output(served: LiveGateway) -> None:
    request_id = served.chat("chaos/ok").headers["x-request-id"]
    assert eventually(lambda: request_id in served.log_text(), WRITTEN_WITHIN_S)
    (line,) = (line for line in served.log_text().splitlines() if request_id in line)
    served_by = workers(served) or [served.process.pid]
    assert any(f'"pid":{pid}' in line for pid in served_by)
