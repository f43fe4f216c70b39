"""Lets schemathesis ask the management API of a running server: `python -m tests.fuzz.over_management [options of schemathesis]`.

It makes requests from the API's own OpenAPI document, good ones and such that break it, with a token that may do everything,
and looks that no answer is a 5xx and that each is as the document says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from tests.fakes.chaos.process import chaos_upstream
from tests.live import LiveGateway, make_template

CASES = 100
"""For each path and method."""
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, chaos_upstream() as chaos:
        template = make_template(Path(folder) / "template")
        with LiveGateway(Path(folder) / "data", chaos, template=template, GATEWAY_ACCESS_LOG="off") as gateway:
            token = json.loads(gateway.operator.command("create_management_token", "fuzz", "--json"))["token"]
            document = httpx.get(f"{gateway.base_url}/manage/v1/openapi.json", timeout=60).json()
            document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith("/manage/")}
            schema = Path(folder) / "openapi.json"
            schema.write_text(json.dumps(document))
            return subprocess.run(_command(schema, gateway.base_url, token), check=False).returncode


def _command(schema: Path, url: str, token: str) -> list[str]:
    program = str(Path(sys.executable).with_name("schemathesis"))
    how = ["--phases", "coverage,fuzzing", "--checks", CHECKS, "--max-examples", str(CASES), "--warnings", "off"]
    health = ["--suppress-health-check", "all"]
    key = ["--header", f"Authorization: Bearer {token}"]
    return [program, "run", str(schema), "--url", url, *key, *how, *health, *sys.argv[1:]]


if __name__ == "__main__":
    sys.exit(main())
