"""Where and as whom does an entry of LiteLLM's call AWS? A region, a model that may be an ARN, and a key or what the machine has.

Reference: LiteLLM 1.85, `litellm/llms/bedrock/{base_aws_llm,common_utils}.py` and `litellm/llms/bedrock_mantle/common_utils.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from types import MappingProxyType

from models_catalog.changes.values import NOTHING, Lookup, to_enter
from models_catalog.config.clouds import AMBIENT_KEY, AMBIENT_REGION, BEDROCK_TOKEN, MACHINE, Part, access_key
from models_catalog.config.litellm.host import Host, given, setting, variable_of
from models_catalog.config.table import Table

REGION, REGION_VARIABLES = ("aws_region_name", "region_name"), ("AWS_REGION_NAME", *AMBIENT_REGION)
USUAL_REGION, USUAL_MANTLE_REGION = "us-west-2", "us-east-1"
ENDPOINTS = ("aws_bedrock_runtime_endpoint", "api_base", "base_url")
ENDPOINT_VARIABLES = ("AWS_BEDROCK_RUNTIME_ENDPOINT",)
PARTS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
ROLES = ("aws_role_name", "aws_web_identity_token")
PROFILE = "aws_profile_name"

A_REGION = re.compile(r"(us|eu|ap|ca|sa|me|af|il|mx|cn)(-gov)?-[a-z]+-\d")
ARN = re.compile(r"arn:aws[a-z-]*:[a-z-]+:([a-z0-9-]*):.*")
HINTS = re.compile(
    r"(converse|converse_like|invoke|nova|nova-2|openai|anthropic|llama|meta|mistral|deepseek_r1|qwen2|qwen3|moonshot|cohere|amazon"
    r"|\d+-month-commitment)"
)
"""What LiteLLM takes from the beginning of a model: how to call it, whose format an imported model has, what was bought."""
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "agent": "agents of Bedrock are not served",
        "agentcore": "agents of Bedrock AgentCore are not served",
        "async_invoke": "calls whose answer is put into S3 are not served",
        "claude_platform": "the Claude Platform on AWS is not served",
    }
)
MANTLE = "mantle"
OPENAI_PATH = re.compile(r"openai\.gpt-[5-9]|google\.gemma-4")
"""Models of Mantle that stand below `/openai/v1`; those of other vendors stand below `/v1`."""
MANTLE_KEY = "BEDROCK_MANTLE_API_KEY"


def bedrock(params: Table, upstream: str) -> Host:
    """A model of Bedrock. Whichever way LiteLLM calls it, Converse is asked here."""
    model, hints, region = taken_apart(upstream)
    for hint in hints:
        if reason := ELSEWHERE.get(hint):
            params.findings.fail(params.at("model"), reason)
    if MANTLE in hints:
        return _mantle(params, model, region)
    model = params.text("model_id").strip() or model
    arn = ARN.fullmatch(model)
    told = region or (arn[1] if arn else "")
    region = setting(params, REGION, usual=True) or told or _usual_region(params, USUAL_REGION)
    params.ignore(("guardrailConfig",), "is not imported: Converse gets it where extra_body of the provider has it")
    credential, options = access(params)
    base = setting(params, ENDPOINTS, ENDPOINT_VARIABLES)
    return Host("bedrock", model, {"region": region, **options}, credential, base)


def mantle(params: Table, upstream: str) -> Host:
    """A model of Bedrock's Mantle: Anthropic's by its own API, others by OpenAI's."""
    model, _, region = taken_apart(upstream)
    return _mantle(params, model, region)


def _mantle(params: Table, model: str, region: str) -> Host:
    usual = ("BEDROCK_MANTLE_REGION",)
    region = setting(params, REGION, usual=True) or region or _usual_region(params, USUAL_MANTLE_REGION, usual)
    base = setting(params, ("api_base", "base_url"), ("BEDROCK_MANTLE_API_BASE",))
    host = base or f"https://bedrock-mantle.{region}.api.aws"
    if "claude" in model:
        credential, options = access(params)
        if not _says_who(params) and not any(os.environ.get(name) for name in (BEDROCK_TOKEN, AMBIENT_KEY[0])):
            credential, options = Lookup("env", MANTLE_KEY), {}
        return Host("bedrock_mantle", model, options, credential, base or f"{host}/anthropic")
    if _says_who(params) and "api_key" not in params:
        message = "models that Mantle serves in OpenAI's formats need an api_key: requests to them are not signed"
        params.findings.fail(params.at("model"), message)
    key = next((name for name in (MANTLE_KEY, BEDROCK_TOKEN) if os.environ.get(name)), MANTLE_KEY)
    path = "/openai/v1" if OPENAI_PATH.match(model) else "/v1"
    return Host("openai_compatible", model, {}, None if "api_key" in params else Lookup("env", key), base or f"{host}{path}")


def _says_who(params: Table) -> bool:
    return any(name in params for name in ("api_key", PROFILE, *PARTS, *ROLES))


def taken_apart(upstream: str) -> tuple[str, frozenset[str], str]:
    """The model, what stands before it, and the region that stands there: `us-east-1/invoke/anthropic.claude-v2`."""
    before, found, _ = upstream.partition("arn:")
    *segments, last = before.split("/") if found else upstream.split("/")
    region, hints = "", set()
    while segments:
        segment = segments[0]
        if A_REGION.fullmatch(segment):
            region = segment
        elif HINTS.fullmatch(segment) or segment in ELSEWHERE or segment == MANTLE:
            hints.add(segment)
        else:
            break
        segments.pop(0)
    model = upstream[len(before) :] if found else "/".join((*segments, last))
    return model, frozenset(hints), region


def _usual_region(params: Table, usual: str, variables: tuple[str, ...] = ()) -> str:
    region = setting(params, (), (*variables, *REGION_VARIABLES))
    if not region:
        params.findings.warn(params.place, f"aws_region_name is missing: it is {usual!r}, as in LiteLLM")
    return region or usual


def access(params: Table) -> tuple[Lookup | None, Mapping[str, str]]:
    """Where the credential is, None if it is an `api_key` as all providers have, and the option that names a profile: without
    anything that of the machine, which its usual variables may hold."""
    if "api_key" in params:
        return None, {}
    if role := given(params, ROLES):
        message = "roles are assumed by profiles of AWS (role_arn in ~/.aws/config), not by the gateway: name one, or enter a key"
        params.findings.warn(params.at(role), f"is not imported: {message}")
        return to_enter("bedrock role"), {}
    if given(params, PARTS):
        texts = {name: params.text(name).strip() for name in PARTS}
        parts = [Part(name, "" if variable_of(text) else text, variable_of(text)) for name, text in texts.items()]
        return access_key(parts, params.findings, params.place)
    return NOTHING, {"profile": setting(params, (PROFILE,)) or MACHINE}
