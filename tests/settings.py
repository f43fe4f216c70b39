"""Which settings do the tests run with? The project's own, shut off from the environment they are started in."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile

OUTSIDE = re.compile(
    r"(GATEWAY|TENSORZERO|OPENAI|ANTHROPIC)_.*|.*_API_KEY(_FILE)?|(REDIS_URL|SECRET_KEY|HOST|PORT|WEB_CONCURRENCY|LOG_\w+)(_FILE)?"
)
for name in [name for name in os.environ if OUTSIDE.fullmatch(name)]:
    del os.environ[name]
data_dir = tempfile.mkdtemp(prefix="gateway-tests-")
atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
os.environ["GATEWAY_DATA_DIR"] = data_dir

from gateway_project.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A file, because threads with connections of their own lock each other out of a shared database in memory.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": f"{data_dir}/tests.sqlite3"}  # noqa: F405
