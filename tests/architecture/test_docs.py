"""Do the pages say what the code does: every setting, command, option and public path, both ways round?"""

from __future__ import annotations

import ast
import re
import tomllib
from argparse import Action

import pytest
import yaml
from django.core.management import BaseCommand, load_command_class
from packaging.requirements import Requirement

from openai_api.cors import EXPOSED
from openai_api.dialects.openai import OPENAI
from openai_api.routes import ROUTES, SOCKETS, TABLE
from providers import registry
from providers.azure_openai import adapter as azure_openai
from providers.capabilities import Capability
from providers.fireworks import adapter as fireworks
from providers.mistral import adapter as mistral
from providers.openai_compatible.presets import PRESETS, Preset, Quirk
from providers.together import adapter as together
from providers.together.voices import KOKORO, ORPHEUS, SONIC
from providers.xai import adapter as xai
from tests.architecture.sources import PACKAGES, ROOT, files, place, tree
from tests.paths import filled

READERS = frozenset(
    [
        "text",
        "switch",
        "switch_or",
        "number",
        "read",
        "count",
        "choice",
        "words",
        "several",
        "json_list",
        "database",
        "cache",
        "proxy",
        "hosts",
        "json_list",
        "origins",
        "networks",
        "certificates",
        "certificate_folders",
    ]
)
COMMANDS = {
    path.stem: path.parts[-4]
    for path in files(*(f"{package}/management/commands/*.py" for package in PACKAGES))
    if path.stem != "__init__"
}
DJANGOS_OWN = {"GATEWAY_ALLOWED_HOSTS", "GATEWAY_DEBUG"}
"""They only give their value to a setting of Django."""
# Each is written so that this file does not hold the word itself.
FORBIDDEN = re.compile(
    r"/wor[k]/|/far[m]/|/tmp/brie[f]|\.librar[y]|pyp[i]\.org|pythonhoste[d]|registry\.npmj[s]|deb\.debian\.or[g]|subagen[t]"
    r"|as an A[I] |\bTOD[O]\b|\bFIXM[E]\b"
)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def variables_read() -> set[str]:
    """The names that the composition root reads from the environment, in calls such as `env.text("HOST")`."""
    return {
        node.args[0].value
        for path in files("gateway_project/*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in READERS
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        if node.args[0].value.isupper()
    }


def test_settings_when_compared_with_their_page_then_both_name_the_same() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page("settings.md"), re.MULTILINE))
    read_too = set(re.findall(r"`([A-Z_]+)` is read too", page("settings.md")))
    assert variables_read() == documented | read_too
    assert len(documented) > 20


def test_settings_when_searched_in_the_code_then_each_has_a_reader() -> None:
    names = {name for name in variables_read() if name.startswith("GATEWAY_")} - DJANGOS_OWN
    settings_file = ROOT / "gateway_project" / "settings.py"
    outside = "\n".join(path.read_text() for path in files(*(f"{package}/*.py" for package in PACKAGES)) if path != settings_file)
    unread = [name for name in names if not re.search(rf'settings\.{name}\b|"{name}"', outside)]
    assert [name for name in unread if settings_file.read_text().count(name) < 3] == []


def options(command: BaseCommand) -> set[str]:
    """The options that a command adds to those of every command."""
    usual = {option for action in BaseCommand().create_parser("", "")._actions for option in action.option_strings}
    check = load_command_class("django.core", "check")
    if isinstance(command, type(check)):
        usual |= {option for action in check.create_parser("", "")._actions for option in action.option_strings}

    def own(action: Action) -> set[str]:
        return {option for option in action.option_strings if option.startswith("--") and option not in usual}

    return set().union(*map(own, command.create_parser("manage.py", "x")._actions))


def test_commands_when_compared_with_their_page_then_both_name_the_same() -> None:
    assert set(re.findall(r"^## (\w+)$", page("commands.md"), re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_command_when_its_options_are_compared_with_its_section_then_both_name_the_same(name: str) -> None:
    section = page("commands.md").partition(f"## {name}\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^- `(--[a-z0-9-]+)`", section, re.MULTILINE)) == options(load_command_class(COMMANDS[name], name))


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_public_path_when_looked_for_then_the_page_has_it(path: str) -> None:
    assert filled(path, "{id}") in re.findall(r"/[A-Za-z0-9/{}:._-]*", page("http.md"))


def test_public_paths_when_served_without_v1_then_the_page_says_so() -> None:
    versioned = [route for route in ROUTES if route.path.startswith("/v1/")]
    asked = [(route.method, filled(route.path.removeprefix("/v1"))) for route in versioned]
    assert [TABLE.place(path).match(method, path).route for method, path in asked] == versioned
    assert "Each path under `/v1` is also served without it" in page("http.md")


def test_headers_of_answers_when_exposed_to_browsers_then_all_that_the_page_has() -> None:
    table = page("http.md").partition("\n## Response\n")[2].partition("\n\n`model`")[0]
    said = set(re.findall(r"^\| `([a-z-]+)", table, re.MULTILINE))
    assert len(said) > 5
    assert said <= {*EXPOSED, *OPENAI.shown}


@pytest.mark.parametrize("path", [socket.path for socket in SOCKETS])
def test_websocket_when_looked_for_then_the_page_has_it(path: str) -> None:
    assert f"| `GET {path}` as a WebSocket |" in page("http.md")


def test_deployment_files_when_they_set_a_variable_then_it_is_a_setting_or_a_vendors_key() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page("settings.md"), re.MULTILINE))
    vendors = {kind.key_variable for kind in registry.provider_types()}
    composed = [yaml.safe_load(path.read_text()) for path in files("deploy/*.yaml")]
    given = {name for compose in composed for name in compose["services"]["gateway"].get("environment", {})}
    given |= set(re.findall(r"^Environment=(\w+)=", (ROOT / "deploy" / "signalbox.service").read_text(), re.MULTILINE))
    assert given - documented - vendors == set()
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["gateway"]["environment"]
    places = {"HOST", "PORT", "GATEWAY_DATA_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}  # a container has its own
    assert documented | vendors - {""} <= set(compose) | places
    assert len(given) > 4


def test_dependencies_when_compared_with_their_page_then_each_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        Requirement(text) for texts in (project["dependencies"], *project["optional-dependencies"].values()) for text in texts
    ]
    explained = set(re.findall(r"[a-z][a-z0-9.-]*[a-z0-9]", page("decisions/001-dependencies.md").lower()))
    assert {requirement.name.lower() for requirement in wanted} - explained == set()


def test_providers_when_compared_with_their_page_then_both_say_the_same() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| `?([A-Z_]+|none)`? \| (.+) \|$", page("providers.md"), re.MULTILINE)
    known = [
        (
            kind.name,
            kind.label,
            kind.api_base or ("none" if kind.offline else "yours"),
            kind.key_variable or "none",
            ", ".join(capability for capability in Capability if capability in kind.own),
        )
        for kind in registry.provider_types()
    ]
    assert rows == known


OTHER_FIELDS = {Quirk.FLOATS_ONLY, Quirk.NO_STREAM_OPTIONS, Quirk.RANKS_IN_DATA}


def differing() -> dict[str, Preset]:
    """The vendors that get other fields than OpenAI or give other answers."""
    presets = [*PRESETS, azure_openai.PRESET, fireworks.PRESET, mistral.PRESET, together.PRESET, xai.PRESET]
    return {preset.name: preset for preset in presets if preset.renames or preset.quirks & OTHER_FIELDS}


@pytest.mark.parametrize("name", differing())
def test_difference_when_a_vendor_has_one_then_its_page_names_it(name: str) -> None:
    items = re.split(r"^- ", page("providers.md").partition("\n## What differs\n")[2], flags=re.MULTILINE)
    (said,) = [item for item in items if f"`{name}`" in item.partition(":")[0]]
    preset = differing()[name]
    changed = {word for names in preset.renames.values() for pair in names.items() for word in pair if word}
    if name == "together":
        said += page("providers.md").partition("\n## Together's speech and images\n")[2]
    assert {word for word in changed if f"`{word}`" not in said} == set()
    assert ("as floats" in said) is (Quirk.FLOATS_ONLY in preset.quirks)


@pytest.mark.parametrize("name", SONIC)
def test_voice_when_compared_with_its_page_then_both_say_the_same(name: str) -> None:
    assert f"| `{name}` | {SONIC[name]} | {KOKORO[name]} | {ORPHEUS[name]} |\n" in page("providers.md")


def test_links_when_followed_then_each_page_is_there() -> None:
    links = [(path, target) for path in files("*.md") for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", path.read_text())]
    broken = [f"{place(path)} {link}" for path, link in links if "://" not in link and not (path.parent / link).exists()]
    assert broken == []


def test_files_when_searched_then_no_forbidden_word_or_path_is_found() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # not a text
        found += [f"{place(path)} {match[0]}" for match in FORBIDDEN.finditer(text)]
    assert found == []
