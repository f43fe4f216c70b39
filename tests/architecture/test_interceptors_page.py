"""Does docs/interceptors.md name every interceptor and every option of it, with its type, its default and what it means?"""

from __future__ import annotations

import re

import pytest

from openai_api.hooks.specs import class_of
from openai_api.interceptors.registry import INTERCEPTORS
from tests.contract.interceptors_page import PAGE, section, table

ANEW = "python -m tests.contract.interceptors_page writes the tables anew"


def test_interceptors_when_compared_with_their_page_then_both_name_the_same() -> None:
    assert set(re.findall(r"^## `(\w+)`$", PAGE.read_text(), re.MULTILINE)) == {*INTERCEPTORS, "test_recorder"}, ANEW


@pytest.mark.parametrize("name", INTERCEPTORS)
def test_interceptor_when_its_options_are_compared_with_the_page_then_both_say_the_same(name: str) -> None:
    assert table(name) in section(PAGE.read_text(), name), ANEW


@pytest.mark.parametrize("name", INTERCEPTORS)
def test_interceptor_when_looked_at_then_it_says_what_it_does_and_has_its_name(name: str) -> None:
    made = class_of(name)
    assert made.__doc__
    assert made.name == name
