"""Does an explanation say why keys and routes that the gateway does not have are not there?"""

from __future__ import annotations

from hashlib import sha256

import pytest
from django.utils import timezone

from models_catalog import keys
from models_catalog.models import ClientKey, ModelDefinition, Project, Tenant
from openai_api.explain.here import NobodyAnswers
from openai_api.explain.result import Explanation, Question
from openai_api.explain.rows import NoSuchKey, explain_request
from tests.integration.admin.answering import answering
from tests.integration.admin.catalog import Catalog


def key(name: str, **fields: object) -> ClientKey:
    made, public_id = keys.generate()
    return ClientKey.objects.create(name=name, key_hash=sha256(made.encode()).hexdigest(), public_id=public_id, **fields)


def refused(told: Explanation) -> list[tuple[str, str]]:
    return [(step.name, step.code) for step in told.steps if step.verdict.value == "refuses"]


def test_keys_when_they_are_not_let_in_then_it_says_why(catalog: Catalog) -> None:
    catalog.model("demo", catalog.provider())
    tenant = Tenant.objects.create(name="t", enabled=False)
    project = Project.objects.create(name="p", tenant=tenant)
    rows = {
        "revoked": key("a", revoked_at=timezone.now()),
        "disabled": key("b", enabled=False),
        "owner_disabled": key("c", project=project),
        "expired": key("d", expires_at=timezone.now()),
    }
    for _ in range(2):
        key("twice")
    with answering():
        for code, row in rows.items():
            told = explain_request(Question(key=row.name, model="demo"))
            assert refused(told) == [("key", code)]
            assert explain_request(Question(key=str(row.pk), model="demo")).key == row.name
        for asked in ("twice", "nobody", "x" * 1000, "\0", "9" * 30):
            with pytest.raises(NoSuchKey):
                explain_request(Question(key=asked, model="demo"))


def test_routes_when_they_are_no_targets_then_it_says_why(catalog: Catalog) -> None:
    good = catalog.provider("good")
    off = catalog.provider("off", enabled=False)
    broken = catalog.provider("broken", type="openai", api_base="ftp://x")
    spare = catalog.model("spare", good, enabled=False)
    model = catalog.model("demo", good, off, broken, fallbacks=(spare,))
    second = model.routes.create(name="second", provider=good, position=7, enabled=False)
    with answering():
        told = explain_request(Question(model="demo"))
    assert told.refusal is None
    listed = [(leg.model, seen) for leg in told.legs for seen in leg.routes]
    legs: dict[str, dict[str, list[str]]] = {}
    for name, seen in listed:
        if seen.id != str(second.pk):
            legs.setdefault(name, {})[seen.provider] = [reason.code for reason in seen.reasons]
    assert legs == {
        "demo": {"good": [], "off": ["provider_disabled"], "broken": ["problem", "problem"]},
        "spare": {"good": ["model_disabled"]},
    }
    codes = [reason.code for _, seen in listed if seen.id == str(second.pk) for reason in seen.reasons]
    assert codes == ["route_disabled"]


def test_models_when_they_are_not_served_then_it_says_why(catalog: Catalog) -> None:
    catalog.model("off", catalog.provider(), enabled=False)
    ModelDefinition.objects.create(name="bare")
    with answering():
        assert refused(explain_request(Question(model="off"))) == [("model", "model_disabled")]
        told = explain_request(Question(model="bare"))
        assert refused(told) == [("model", "model_not_served")]
        assert "no usable route" in next(step.text for step in told.steps if step.name == "model")
        for name in ("x" * 1000, "\0", "9" * 30):
            assert refused(explain_request(Question(model=name))) == [("model", "unknown_model")]


def test_question_when_nobody_serves_in_this_process_then_it_says_so() -> None:
    with pytest.raises(NobodyAnswers):
        explain_request(Question(model="demo"))
