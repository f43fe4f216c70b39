"""Which settings are refused, and what is said where the extra is not installed?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import environment
from tests.live_operator import ROOT

SECRET = "hdr-secret-canary-31"
BAD: dict[str, tuple[str, str]] = {
    "another scheme": ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector"),
    "a password": ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://me:{SECRET}@collector:4318"),
    "no port": ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:99999"),
    "no host": ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
    "no value": ("OTEL_EXPORTER_OTLP_HEADERS", SECRET),
    "a line end": ("OTEL_EXPORTER_OTLP_HEADERS", f"a={SECRET}%0d%0ab:c"),
    "no header": ("OTEL_EXPORTER_OTLP_HEADERS", f"a b={SECRET}"),
    "our own": ("OTEL_EXPORTER_OTLP_HEADERS", f"Content-Length={SECRET}"),
    "no pairs": ("OTEL_RESOURCE_ATTRIBUTES", "team"),
    "no time": ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
    "another version": ("GATEWAY_OTEL_CONVENTIONS", "1.36"),
}
BAD_OPTIONS = {
    "ratio": {"ratio": 1.5},
    "endpoint": {"endpoint": f"http://me:{SECRET}@collector"},
    "headers": {"headers": SECRET},
    "conventions": {"conventions": "newest"},
    "sampler": {"sampler": "always"},
}
HIDDEN = """
import sys
sys.modules["opentelemetry.proto"] = None
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""


def check(tmp_path: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    ran = [sys.executable, *(command or ("manage.py", "check"))]
    env = environment(tmp_path, **variables)
    return subprocess.run(ran, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("kind", BAD)
def test_setting_when_it_is_not_understood_then_the_start_is_refused_without_its_value(tmp_path: Path, kind: str) -> None:
    name, value = BAD[kind]
    told = check(tmp_path, **{name: value})
    assert told.returncode != 0
    assert name in told.stderr
    assert SECRET not in told.stderr + told.stdout


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_option_when_it_is_not_understood_then_the_check_names_it(tmp_path: Path, name: str) -> None:
    told = check(tmp_path, GATEWAY_HOOKS=json.dumps([{"hook": "tracer", "options": BAD_OPTIONS[name]}]))
    assert told.returncode != 0
    assert "gateway.E001" in told.stderr
    assert "tracer" in told.stderr
    assert name in told.stderr
    assert SECRET not in told.stderr


@pytest.mark.parametrize("variables", [{"GATEWAY_HOOKS": "tracer"}, {"GATEWAY_EVENTS": "otlp"}])
def test_extra_when_it_is_missing_then_the_check_names_it(tmp_path: Path, variables: dict[str, str]) -> None:
    told = check(tmp_path, "-c", HIDDEN, **variables)
    assert told.returncode != 0
    assert 'pip install "signalbox-gateway[otel]"' in told.stderr
    assert "Traceback" not in told.stderr


def test_extra_when_it_is_missing_and_not_wanted_then_nothing_is_said(tmp_path: Path) -> None:
    told = check(tmp_path, "-c", HIDDEN, GATEWAY_EVENTS="jsonl")
    assert told.returncode == 0, told.stderr
