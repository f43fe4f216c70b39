"""Are the secrets of a target taken out of what its upstream says, in any spelling, and nothing else?"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from providers.errors import CallerError, UpstreamFailed
from providers.masking import Mask, mask_error, mask_of
from providers.types import Credential, Secret, TargetConfig

HEX = "9f86d081884c7d659a2feaa0c55ad015"
ODD = "sk/a+b_C.d=EFGHijklm"

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a word": lambda key: f"x{key}y",
    "upper case": str.upper,
    "JSON escapes": lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key),
    "JSON in JSON": lambda key: json.dumps(json.dumps({"k": "".join(f"\\u{ord(letter):04X}" for letter in key)})),
    "an escaped slash": lambda key: key.replace("/", "\\/"),
    "percent": lambda key: quote(key, safe=""),
    "all percent": lambda key: "".join(f"%{ord(letter):02X}" for letter in key),
    "HTML": lambda key: "".join(f"&#{ord(letter)};" for letter in key),
    "base64": lambda key: b64encode(key.encode()).decode(),
    "Basic": lambda key: b64encode(f"user:{key}".encode()).decode(),
    "Basic, shifted": lambda key: urlsafe_b64encode(f":{key}:x".encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "a part": lambda key: f"{key[:14]}...",
    "another part": lambda key: f"...{key[-13:]}",
}


@pytest.mark.parametrize("key", [HEX, ODD])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_secret_when_spelled_like_this_then_masked(spelling: str, key: str) -> None:
    shown = Mask((key,))(f"Bad key: {SPELLINGS[spelling](key)}!")
    assert "***" in shown
    assert shown.startswith("Bad key: ")
    assert not any(key.lower()[start : start + 6] in shown.lower() for start in range(len(key) - 6))


@pytest.mark.parametrize("text", ["", "The model `m` does not exist.", "0123456789abcdef" * 4, "İ" * 30 + " 9f86d081"])
def test_text_when_it_holds_no_secret_then_untouched(text: str) -> None:
    assert Mask((HEX, "EMPTY"))(text) == text


def test_secret_when_short_then_only_where_it_stands_alone() -> None:
    assert Mask(("EMPTY",))("EMPTY is not EMPTY_LIST nor empty") == "*** is not EMPTY_LIST nor empty"
    assert Mask(("abc", ""))("abc") == "abc"


def config(**fields: object) -> TargetConfig:
    made = {"id": "t", "provider": "p", "provider_type": "openai", "upstream_model": "m", **fields}
    return TargetConfig(**made)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "secret"),
    [
        (config(credential=Credential(secret=Secret(HEX))), HEX),
        (config(credential=Credential(dynamic="theirs")), ODD),
        (config(extra_headers=(("X-Token", "hunter22-hunter22"),)), "hunter22-hunter22"),
        (config(extra_headers=(("Authorization", "Bearer tok_12345678"),)), "tok_12345678"),
        (config(api_base="https://h.example/v1?key=q-1234567890"), "q-1234567890"),
    ],
)
def test_mask_when_made_for_a_target_then_of_all_that_it_sends(target: TargetConfig, secret: str) -> None:
    assert mask_of(target, {"theirs": Secret(ODD)})(f"<{secret}>") == "<***>"


def test_header_when_it_is_no_secret_then_shown() -> None:
    target = config(extra_headers=(("HTTP-Referer", "https://shop.example"), ("X-Title", "Our shop")))
    assert mask_of(target, {})("https://shop.example is Our shop") == "https://shop.example is Our shop"


def test_error_when_masked_then_in_all_that_it_tells() -> None:
    more = {HEX: [{"a": f"x{HEX}"}]}
    refused = CallerError(400, f"m {HEX}", error_type=HEX, code=f"c-{HEX}", param=HEX, more=more)
    failed = UpstreamFailed(f"d {HEX}", said=HEX, more=more)
    for error in (refused, failed):
        mask_error(error, Mask((HEX,)))
        assert HEX not in f"{error} {error!r} {vars(error)} {error.public_message}"
    assert refused.more == {"***": [{"a": "x***"}]}


@pytest.mark.parametrize(
    "stored",
    [
        '{"AccessKeyId":"AKIAEXAMPLEEXAMPLE00","SecretAccessKey":"%s"}',
        '{"Credentials":{"AccessKeyId":"ASIAEXAMPLEEXAMPLE00","SecretAccessKey":"x","SessionToken":"%s"}}',
        '{"aws_access_key_id":"AKIAEXAMPLEEXAMPLE00","aws_secret_access_key":"%s"}',
        "AKIAEXAMPLEEXAMPLE00:%s",
        "ASIAEXAMPLEEXAMPLE00:c2VjcmV0:%s",
    ],
)
def test_access_key_when_stored_in_any_form_then_its_secret_parts_are_redacted(stored: str) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    target = TargetConfig(
        id="t", provider="p", provider_type="bedrock", upstream_model="m", credential=Credential(secret=Secret(stored % secret))
    )
    assert mask_of(target, {})(f"The key {secret} is bad.") == "The key *** is bad."
