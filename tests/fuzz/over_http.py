"""Lets schemathesis ask a running server: `python -m tests.fuzz.over_http [options of schemathesis]`.

It makes requests from the document of `tests/fuzz/openapi.py`, good ones and such that break it, and looks that no answer
is a 5xx and that every refusal is OpenAI's error object. The server must not have logged an error either.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.contract.examples import EXAMPLES
from tests.fakes.chaos.process import chaos_upstream
from tests.fuzz.openapi import document
from tests.live import LiveGateway, make_template

CASES = 2500
"""For each path and method."""
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, chaos_upstream() as chaos:
        template = make_template(Path(folder) / "template")
        with LiveGateway(Path(folder) / "data", chaos, template=template, GATEWAY_ACCESS_LOG="off") as gateway:
            models = {name: ("echo", [each.capability for each in EXAMPLES]) for name in ("fuzz/ok", "omni-moderation-latest")}
            gateway.define_at("dummy", "", models, name="fuzz")
            schema = Path(folder) / "openapi.json"
            schema.write_text(json.dumps(document()))
            return subprocess.run(_command(schema, gateway), check=False).returncode


def _command(schema: Path, gateway: LiveGateway) -> list[str]:
    program = str(Path(sys.executable).with_name("schemathesis"))
    how = ["--phases", "coverage,fuzzing", "--checks", CHECKS, "--max-examples", str(CASES), "--warnings", "off"]
    health = ["--suppress-health-check", "all"]
    key = ["--header", f"Authorization: Bearer {gateway.key}"]
    return [program, "run", str(schema), "--url", gateway.base_url, *key, *how, *health, *sys.argv[1:]]


if __name__ == "__main__":
    sys.exit(main())
