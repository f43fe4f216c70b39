"""Which credentials does a stored text hold, which the environment, and is nothing of them ever shown?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.aws.credentials import AccessKey, ApiKey, credentials_in, credentials_of_environment
from providers.errors import ConfigurationError
from providers.types import Secret

ID, SECRET, TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjEXAMPLE=="
LONG = AccessKey(ID, Secret(SECRET))
SHORT = AccessKey(ID, Secret(SECRET), Secret(TOKEN))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ID}:{SECRET}", LONG),
        (f" {ID}:{SECRET}\n", LONG),
        (f"{ID}:{SECRET}:{TOKEN}", SHORT),
        (f'{{"AccessKeyId": "{ID}", "SecretAccessKey": "{SECRET}"}}', LONG),
        (f'{{"AccessKeyId": "{ID}", "SecretAccessKey": "{SECRET}", "SessionToken": "{TOKEN}", "Version": 1}}', SHORT),
        (f'{{"Credentials": {{"AccessKeyId": "{ID}", "SecretAccessKey": "{SECRET}", "SessionToken": "{TOKEN}"}}}}', SHORT),
        (f'{{"aws_access_key_id": "{ID}", "aws_secret_access_key": "{SECRET}", "aws_session_token": null}}', LONG),
        (f'{{"access_key_id": "{ID}", "secret_access_key": "{SECRET}", "session_token": "{TOKEN}"}}', SHORT),
        ("ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", ApiKey(Secret("ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl"))),
        ("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3M=", ApiKey(Secret("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3M="))),
    ],
)
def test_text_when_a_credential_of_aws_then_it_is_read(text: str, expected: AccessKey | ApiKey) -> None:
    found = credentials_in(text)
    assert found == expected
    assert SECRET not in repr(found)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    "text",
    ["", "  ", f"{ID}:", f":{SECRET}", f"{ID}:{SECRET}:", f"{ID}:{SECRET}:{TOKEN}:x", f"short:{SECRET}", f"{ID}:a\nb",
     f"{ID}:{SECRET}é", "key\nwith a line", "clé", "{", "{}", f'{{"AccessKeyId": "{ID}"}}', '{"Credentials": 1}',
     f'{{"AccessKeyId": 1, "SecretAccessKey": "{SECRET}"}}', f'{{"AccessKeyId": "{ID}", "SecretAccessKey": ["{SECRET}"]}}'],
)  # fmt: skip
def test_text_when_none_of_the_forms_then_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        credentials_in(text)
    assert caught.value.field == "credential"
    assert SECRET not in str(caught.value)


VARIABLES = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, None),
        (VARIABLES, LONG),
        (VARIABLES | {"AWS_SESSION_TOKEN": TOKEN}, SHORT),
        (VARIABLES | {"AWS_BEARER_TOKEN_BEDROCK": "ABSK1"}, ApiKey(Secret("ABSK1"))),
    ],
)
def test_environment_when_it_has_the_usual_variables_then_they_are_read(variables: dict[str, str], expected: Any) -> None:
    assert credentials_of_environment(variables) == expected


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_environment_when_half_a_key_is_there_then_the_other_half_is_named(name: str) -> None:
    (missing,) = VARIABLES.keys() - {name}
    with pytest.raises(ConfigurationError, match=missing):
        credentials_of_environment({name: VARIABLES[name]})
