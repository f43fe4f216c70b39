"""Are all formats read alike, and their faults found?"""

from __future__ import annotations

import json

import pytest

from models_catalog.key_import.formats.env_rows import env_rows
from models_catalog.key_import.rows import PLACEHOLDER, RowProblem
from providers import registry
from tests.integration.key_import.samples import FORMATS, GROQ_KEY, KEYS, OPENAI_KEY, Importer, csv_text, stored

UNCLEAR = "row 1: the value must be on one line"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("told", ["by name", "by option", "by content"])
def test_each_format_when_plain_then_stored(kind: str, told: str, imported: Importer) -> None:
    name, text = FORMATS[kind]
    options = {"format": name.partition(".")[2]} if told == "by option" else {}
    imported(text(KEYS), name if told == "by name" else "keys.txt", **options)
    assert stored() == KEYS


@pytest.mark.parametrize("kind", FORMATS)
def test_byte_order_mark_when_first_then_ignored(kind: str, imported: Importer) -> None:
    name, text = FORMATS[kind]
    imported(b"\xef\xbb\xbf" + text(KEYS).encode(), name)
    assert stored() == KEYS


@pytest.mark.parametrize("kind", FORMATS)
def test_line_ends_when_crlf_then_read_alike(kind: str, imported: Importer) -> None:
    name, text = FORMATS[kind]
    imported(text(KEYS).replace("\n", "\r\n"), name)
    assert stored() == KEYS


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("wrong", [b"\xff\xfe", "schlüssel".encode("latin-1"), b"\xed\xa0\x80"])
def test_encoding_when_not_utf8_then_its_line_is_named(kind: str, wrong: bytes, imported: Importer) -> None:
    name, text = FORMATS[kind]
    lines = text(KEYS).encode().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b"gsk_", b"gsk_" + wrong)
    assert f"line {len(lines)} is not UTF-8" in imported.refusal(b"".join(lines), name)


def test_encoding_when_utf16_then_refused(imported: Importer) -> None:
    assert "line 1 is not UTF-8" in imported.refusal(csv_text(KEYS).encode("utf-16"))


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "provider,api_key\n", "[]", "{}", "# nothing\n", "DATABASE_URL=postgres://localhost\n"],
)
def test_file_when_without_keys_then_refused(text: str, imported: Importer) -> None:
    assert "holds no provider key" in imported.refusal(text, "keys.txt")


class TestCsv:
    def test_all_columns_when_given_then_used(self, imported: Importer) -> None:
        report = imported(
            "Name, Type ,KEY,api_base,credential,encryption\n"
            f"mine,openai_compatible,{OPENAI_KEY},https://models.example/v1,shared,plain\n"
            f"yours,openai_compatible,{OPENAI_KEY},https://models.example/v2,shared,\n"
        )
        assert stored() == {"mine": OPENAI_KEY, "yours": OPENAI_KEY}
        assert [line.split()[:4] for line in report[:2]] == [["row", "2", "created", "mine"], ["row", "3", "created", "yours"]]

    def test_quotes_when_used_then_removed(self, imported: Importer) -> None:
        imported(f'provider,api_key\n"openai","{OPENAI_KEY}"\n\n"groq",{GROQ_KEY}')
        assert stored() == KEYS

    def test_row_numbers_when_lines_are_empty_then_those_of_the_file(self, imported: Importer) -> None:
        assert "row 5: the key is empty" in imported.refusal(f"provider,api_key\n\nopenai,{OPENAI_KEY}\n\ngroq,\n")

    def test_row_numbers_when_a_field_has_lines_then_those_on_which_rows_begin(self, imported: Importer) -> None:
        said = imported.refusal(f'provider,api_key\n"op\n\nenai",{OPENAI_KEY}\ngroq,\n')
        assert [line.partition(":")[0] for line in said.splitlines()[1:]] == ["row 2", "row 5"]

    @pytest.mark.parametrize(
        ("header", "fault"),
        [
            ("api_key", "missing field provider"),
            ("provider,type", "missing field api_key"),
            ("provider,name,api_key", "duplicate field"),
            ("provider,api_key,api_key", "duplicate field"),
            ("provider,api_key,comment", "unknown name of field 3"),
            ("provider;api_key", "unknown name of field 1"),
            (f"openai,{OPENAI_KEY}", "unknown name of field 1"),
        ],
    )
    def test_header_when_wrong_then_said_without_quoting(self, header: str, fault: str, imported: Importer) -> None:
        said = imported.refusal(f"{header}\nopenai,{OPENAI_KEY},x\n")
        assert fault in said
        assert OPENAI_KEY not in said

    @pytest.mark.parametrize(
        ("row", "fault"),
        [
            ("openai", "row 3: has 1 fields, but the header has 2"),
            (f"openai,{OPENAI_KEY},", "row 3: has 3 fields, but the header has 2"),
            (f'openai,"{OPENAI_KEY}', "row 3 is not CSV"),
            (f'openai,"{OPENAI_KEY}"x', "row 3 is not CSV"),
            (f"openai,{'x' * 140_000}", "row 3 is not CSV"),
            (f'openai,"{OPENAI_KEY}\n"', "row 3: the key contains white space"),
        ],
    )
    def test_row_when_broken_then_named(self, row: str, fault: str, imported: Importer) -> None:
        assert fault in imported.refusal(f"provider,api_key\ngroq,{GROQ_KEY}\n{row}\n")

    def test_marker_when_unknown_then_row_named(self, imported: Importer) -> None:
        said = imported.refusal(f"provider,api_key,encryption\nopenai,{OPENAI_KEY},aes\n")
        assert "row 2: encryption must be plain or rsa" in said


class TestJson:
    def test_optional_fields_when_null_then_absent(self, imported: Importer) -> None:
        imported(json.dumps([{"name": "openai", "key": OPENAI_KEY, "type": None, "api_base": None}]), "keys.json")
        assert stored() == {"openai": OPENAI_KEY}

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ('[{"provider": "openai",\n "api_key": "sk-1" "x"}]', "not JSON: see line 2, column 20"),
            ('"openai"', "must be a list of objects, or an object"),
            ("[" * 100_000, "the JSON cannot be read"),
            (f'{{"openai": {"1" * 5000}}}', "the JSON cannot be read"),
            ('["openai"]', "row 1: must be an object"),
            ('{"openai": {"api_key": "sk-1"}}', "row 1: the key must be a string"),
            ('[{"provider": "openai", "api_key": 1}]', "row 1: api_key must be a string"),
            ('[{"provider": "openai"}]', "row 1: missing field api_key"),
            ('[{"provider": "openai", "api_key": "sk-1", "api_key": "sk-2"}]', "row 1: duplicate field"),
            ('{"openai": "sk-1", "openai": "sk-2"}', "row 2: names the same provider as row 1"),
            ('[{"provider": "openai", "api_key": "\\ud800"}]', "row 1: the key contains"),
            ('[{"provider": "\\ud800", "type": "openai", "api_key": "sk-1"}]', "row 1: provider: name"),
        ],
    )
    def test_text_when_broken_then_place_named(self, text: str, fault: str, imported: Importer) -> None:
        assert fault in imported.refusal(text, "keys.json")


class TestEnv:
    @pytest.mark.parametrize(
        "line",
        [
            "OPENAI_API_KEY={}",
            "export OPENAI_API_KEY={}",
            "  export\tOPENAI_API_KEY = {}  ",
            "OPENAI_API_KEY='{}'",
            'OPENAI_API_KEY="{}"',
            "OPENAI_API_KEY={} # the new one",
            "OPENAI_API_KEY='{}' # it's the new one",
            'OPENAI_API_KEY="{}"# the "new" one',
            "# OPENAI_API_KEY=sk-old\n\n   # and more\nOPENAI_API_KEY={}",
        ],
    )
    def test_assignment_when_written_in_a_usual_way_then_read(self, line: str, imported: Importer) -> None:
        imported(line.format(OPENAI_KEY), ".env")
        assert stored() == {"openai": OPENAI_KEY}

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("sk#1", "sk#1"), (r'"sk\"1\\2\$3\`"', 'sk"1\\2$3`'), (r"""'s"k\1${A}`'""", r"""s"k\1${A}`""")],
    )
    def test_value_when_special_then_as_all_readers_read_it(self, written: str, meant: str, imported: Importer) -> None:
        imported(f"OPENAI_API_KEY={written}\n", ".env")
        assert stored() == {"openai": meant}

    def test_variables_when_not_of_providers_then_reported_by_row_only(self, imported: Importer) -> None:
        report = imported(f"DEBUG=1\nOPENAI_API_KEY={OPENAI_KEY}\nAKIAIOSFODNN7EXAMPLE=x\n", ".env")
        assert stored() == {"openai": OPENAI_KEY}
        assert [line.split()[:3] for line in report[:3]] == [
            ["row", "1", "skipped"],
            ["row", "2", "created"],
            ["row", "3", "skipped"],
        ]
        assert "AKIA" not in "".join(report)
        assert report[3] == "1 created, 0 updated, 0 unchanged, 2 skipped"

    def test_every_usual_variable_when_its_type_has_an_address_then_known(self, imported: Importer) -> None:
        types = registry.provider_types()
        known = [known for known in types if known.key_variable and known.api_base and not known.required_options]
        imported("".join(f"{known.key_variable}=key-of-{known.name}-0123456789\n" for known in known), ".env")
        assert stored() == {known.name: f"key-of-{known.name}-0123456789" for known in known}
        assert {"openai", "groq", "mistral"} <= stored().keys()

    def test_variable_when_it_belongs_to_several_types_then_refused(self) -> None:
        rows = list(env_rows(["SHARED_KEY=sk-1\n"], {"SHARED_KEY": ("one", "two")}))
        assert rows == [RowProblem(1, "the variable belongs to several provider types (one, two): use CSV or JSON")]

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("OPENAI_API_KEY", "row 1: is not of the form NAME=value"),
            ("1A=x", "row 1: is not of the form NAME=value"),
            ("OPENAI_API_KEY=sk a", "row 1: the key contains white space"),
            ("OPENAI_API_KEY='sk", UNCLEAR),
            ('OPENAI_API_KEY="sk\n1"', UNCLEAR),
            ("OPENAI_API_KEY='sk'1", UNCLEAR),
            ("OPENAI_API_KEY=sk'1'", UNCLEAR),
            ("OPENAI_API_KEY=sk\\1", UNCLEAR),
            ('OPENAI_API_KEY="sk\\n1"', UNCLEAR),
            ("OPENAI_API_KEY=sk$1", UNCLEAR),
            ("OPENAI_API_KEY=${OTHER}", UNCLEAR),
            ('OPENAI_API_KEY="$OTHER"', UNCLEAR),
            ("OPENAI_API_KEY=$(pass openai)", UNCLEAR),
            ("OPENAI_API_KEY=sk-1\nOPENAI_API_KEY=sk-2", "row 2: names the same provider as row 1"),
            ("VLLM_API_KEY=token", "row 1: provider: api_base"),
        ],
    )
    def test_line_when_broken_then_named(self, line: str, fault: str, imported: Importer) -> None:
        assert fault in imported.refusal(line, ".env", format="env")


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "the key is empty"),
        (" sk-1", "white space"),
        ("sk-1\t", "white space"),
        ("sk\u00a01", "white space"),
        ("sk\x001", "control characters"),
        ("sk\x7f1", "control characters"),
        ("sk\u200b1", "control characters"),
        ("schlüssel", "not ASCII"),
        ("x" * 8193, "longer than 8 KiB"),
        ("ü" * 4097, "longer than 8 KiB"),
    ],
)
def test_key_when_no_header_could_carry_it_then_refused(key: str, fault: str, imported: Importer) -> None:
    said = imported.refusal(json.dumps({"openai": key}), "keys.json")
    assert "row 1: the key " in said
    assert fault in said


def test_key_when_as_long_as_allowed_then_stored(imported: Importer) -> None:
    imported(json.dumps({"openai": "x" * 8192}), "keys.json")
    assert stored() == {"openai": "x" * 8192}


def test_rows_when_more_than_allowed_then_refused(imported: Importer) -> None:
    assert "more than 1 rows" in imported.refusal(csv_text(KEYS), max_rows=1)
    imported(csv_text(KEYS), max_rows=2)
    assert stored() == KEYS


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "the variable is empty"),
        ('""', "the variable is empty"),
        ("''", "the variable is empty"),
        ("  # get one at x.ai", "the variable is empty"),
        ("your-key-here", PLACEHOLDER),
        ('"your key here"', PLACEHOLDER),
        ("sk-...", PLACEHOLDER),
        ("<key>", PLACEHOLDER),
        ("changeme", PLACEHOLDER),
        ("xai-xxxxxxxx", PLACEHOLDER),
        ("YOUR_XAI_API_KEY  # here", PLACEHOLDER),
    ],
)
def test_variable_without_a_key_is_skipped_and_named(value: str, reason: str, imported: Importer) -> None:
    text = f"XAI_API_KEY={value}\nGROQ_API_KEY={GROQ_KEY}\n# OPENAI_API_KEY=sk-commented\n"
    assert imported(text, ".env")[0] == f"row 1  skipped    {reason}"
    assert stored() == {"groq": GROQ_KEY}


def test_file_whose_variables_are_all_empty_is_no_error(imported: Importer) -> None:
    assert imported("XAI_API_KEY=\nGROQ_API_KEY=\n", ".env")[-1] == "0 created, 0 updated, 0 unchanged, 2 skipped"
    assert stored() == {}


@pytest.mark.parametrize("kind", FORMATS)
def test_placeholder_in_any_format_is_skipped(kind: str, imported: Importer) -> None:
    name, text = FORMATS[kind]
    lines = imported(text({"openai": OPENAI_KEY, "groq": "your-key-here"}), name)
    assert any(line.endswith(f"skipped    {PLACEHOLDER}") for line in lines)
    assert stored() == {"openai": OPENAI_KEY}
