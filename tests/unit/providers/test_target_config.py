"""Does a target's circuit begin anew with every change of what is asked, and with no other?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from providers.types import Credential, Secret, Sharing, TargetConfig, TargetTimeouts

CONFIG = TargetConfig(
    id="7", provider="p", provider_type="openai", upstream_model="m", credential=Credential(Secret("one")), options={"a": [1]}
)
OTHERS = {"id", "provider", "model", "sharing"}
CHANGES: dict[str, Any] = {
    "provider_type": "dummy",
    "upstream_model": "n",
    "api_base": "http://h/v1",
    "credential": Credential(Secret("two")),
    "extra_headers": (("x-a", "b"),),
    "extra_body": {"a": b"1"},
    "options": {"a": [2]},
    "timeouts": TargetTimeouts.of(total=1),
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(TargetConfig) if field.name not in OTHERS])
def test_fingerprint_when_a_field_changes_then_differs_and_shows_no_secret(field: str) -> None:
    changed = dataclasses.replace(CONFIG, **{field: CHANGES[field]})
    assert changed.fingerprint() != CONFIG.fingerprint()
    assert "two" not in changed.fingerprint()


def test_fingerprint_when_only_names_and_parts_change_then_stays() -> None:
    assert dataclasses.replace(CONFIG, provider="q", model="public").fingerprint() == CONFIG.fingerprint()
    assert dataclasses.replace(CONFIG, sharing=Sharing(weight=2)).fingerprint() == CONFIG.fingerprint()
    assert dataclasses.replace(CONFIG, credential=Credential(Secret("one"))).fingerprint() == CONFIG.fingerprint()
