"""Do files say all of hooks but their secrets, and is what they get wrong told at its place?"""

from __future__ import annotations

import base64
import json

import pytest
from django.core.management.base import CommandError

from models_catalog import keys
from models_catalog.models import Hook
from tests.integration.config.conftest import Manage, Write

SECRET = "whsec_" + base64.b64encode(b"canary of a webhook 0123456789").decode()
HEADER = "canary-of-a-header"
GOOD = 'type = "webhook"\noptions = { url = "http://h/", secret = "env::WEBHOOK_SECRET" }'
FILE = f"""
[hooks.notify]
type = "webhook"
order = 2
enabled = false
models = ["gpt-*"]
client_keys = ["support"]
fail_open = false
time_limit_s = 0.5
options = {{ url = "https://example.com/in", secret = "{SECRET}", headers = {{ x-team = "{HEADER}", x-home = "env::HOME" }} }}

[hooks.second]
type = "webhook"
options = {{ url = "https://example.com/2", secret = "env::WEBHOOK_SECRET" }}
"""


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)


def test_hooks_when_exported_and_imported_again_change_nothing_and_show_no_secret(manage: Manage, write: Write) -> None:
    keys.create_client_key("support")
    told = manage("import_config", write(FILE))
    assert SECRET not in told.out + told.err
    row = Hook.objects.get(name="notify")
    assert {place: secret.reveal() for place, secret in row.kept_secrets().items()} == {
        "secret": SECRET,
        "headers.x-team": "canary-of-a-header",
    }
    assert [key.name for key in row.client_keys.all()] == ["support"]
    assert (row.enabled, row.position, row.on_fault, row.time_limit_s, row.model_names) == (False, 2, "closed", 0.5, ["gpt-*"])
    text = manage("export_config").out
    assert not any(secret in text for secret in (SECRET, SECRET[6:], "canary-of-a-header"))
    assert 'secret = "stored::notify"' in text
    assert manage("import_config", write(text, "again.toml")).lines == ["nothing to change"]
    assert manage("import_config", "--prune", write(text, "again.toml")).lines == ["nothing to change"]
    listed = manage("show_catalog", "--json").out
    assert SECRET not in listed
    assert [hook["state"] for hook in json.loads(listed)["hooks"]] == ["ready", "disabled"]


def test_hook_when_two_keys_have_one_name_then_each_is_found_by_its_digest(manage: Manage, write: Write) -> None:
    keys.create_client_key("support")
    second, _ = keys.create_client_key("support")
    manage("import_config", write(f"[hooks.it]\n{GOOD}"))
    row = Hook.objects.get()
    row.all_client_keys = False
    row.save()
    row.client_keys.set([second])
    text = manage("export_config").out
    assert f"sha256::{second.key_hash[:12]}" in text
    assert manage("import_config", write(text, "again.toml")).lines == ["nothing to change"]


def test_hooks_when_changed_then_the_difference_names_what_and_no_secret(manage: Manage, write: Write) -> None:
    keys.create_client_key("support")
    manage("import_config", write(FILE))
    other = "whsec_" + base64.b64encode(b"another canary of a webhook 01").decode()
    changed = FILE.replace(SECRET, other).replace("order = 2", "order = 3").replace('client_keys = ["support"]\n', "")
    out = manage("import_config", write(changed)).out
    assert "~ hook notify: order 2 → 3" in out
    assert "client_keys [support] → all" in out
    assert "secret: ***" in out
    assert SECRET not in out
    assert other not in out
    assert "- hook second" in manage("import_config", "--prune", write(changed.partition("[hooks.second]")[0])).out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('type = "os.system"', "hooks.it.type: unknown type 'os.system'"),
        ("order = 1", "hooks.it.type: "),
        ('type = "webhook"', "hooks.it.options: url: This option is required."),
        ('type = "webhook"\noptions = { url = "x", secret = "y" }', "hooks.it.options: "),
        (
            'type = "webhook"\noptions = { url = "http://h/", secret = "stored::nobody" }',
            "the catalog has no secret for the hook",
        ),
        (
            'type = "webhook"\noptions = { url = "http://h/", secret = "env::WEBHOOK_SECRET", nme = 1 }',
            "nme: There is no such option",
        ),
        ('type = "webhook"\nclient_keys = ["nobody"]', "unknown client key 'nobody'"),
        ('type = "webhook"\nmodels = ["a*b"]', "hooks.it.models: "),
        ('type = "webhook"\nkeys = []', "hooks.it.keys: unknown name"),
        ('type = "webhook"\ntime_limit_s = 1000', "hooks.it.time_limit_s: "),
    ],
)
def test_hook_when_the_file_is_wrong_then_told_at_its_place_and_nothing_is_written(
    manage: Manage, write: Write, text: str, told: str
) -> None:
    with pytest.raises(CommandError) as error:
        manage("import_config", write(f"[hooks.it]\n{text}\n"))
    assert told in str(error.value)
    assert not Hook.objects.exists()
