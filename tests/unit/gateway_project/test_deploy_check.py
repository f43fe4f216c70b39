"""Is `check --deploy` clean with the settings that the documentation gives for production?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gateway_project.settings import NOT_ASKED
from tests.live import ENCRYPTION_KEY, environment

ROOT = Path(__file__).parents[3]


def test_check_with_the_settings_of_the_documentation_says_nothing(tmp_path: Path) -> None:
    production = {
        "GATEWAY_HTTPS": "on",
        "GATEWAY_ALLOWED_HOSTS": "gateway.example.com",
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "GATEWAY_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path, **production), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues" in done.stdout + done.stderr


def test_silenced_checks_are_explained_where_operators_read_of_them() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    assert all(name in page for name in NOT_ASKED)
