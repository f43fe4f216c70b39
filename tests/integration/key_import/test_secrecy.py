"""Does a key ever show, whatever happens?"""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from models_catalog.key_import.importing import import_keys
from models_catalog.key_import.private_key import configured_private_key
from models_catalog.key_import.reading import Options
from models_catalog.key_import.rows import KeyImportError, KeyRow, PrivateKeyError
from models_catalog.models import Credential, Provider
from providers.types import Secret
from tests.integration.key_import.samples import FORMATS, Importer, encrypted_pem, legacy_pem, oaep, pkcs8_pem, rsa_key

CANARY = "sk-canary-Wq8Er7Ty6Ui5Op4As3Df2Gh1Jk0Zx"
MIDDLE = CANARY[10:22]


def traces(text: str) -> list[str]:
    """Every form of the canary that the text holds."""
    forms = [MIDDLE, MIDDLE.lower(), MIDDLE.encode().hex(), base64.b64encode(CANARY.encode()).decode()[16:28]]
    return [form for form in forms if form in text]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if error.__cause__ is not error.__context__:
            yield from chain(error.__cause__)
        error = error.__context__


def everything_of(error: BaseException) -> str:
    """Texts and attributes of an error and of all that led to it."""
    return "\n".join(f"{found!s} {found!r} {found.args!r} {vars(found)!r} {dir_values(found)}" for found in chain(error))


def dir_values(error: BaseException) -> str:
    return " ".join(repr(getattr(error, name)) for name in ("doc", "object", "problems", "filename") if hasattr(error, name))


def database_dump() -> str:
    """Every row of every table."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found.append(f"{table}: {cursor.fetchall()}")
    return "\n".join(found)


def file_with_canary(kind: str) -> tuple[str, str]:
    name, text = FORMATS[kind]
    return name, text({"openai": CANARY, "groq": CANARY + "2"})


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dry_run", [False, True])
def test_import_when_it_succeeds_then_only_ciphertext_remains(
    kind: str, dry_run: bool, imported: Importer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    name, text = file_with_canary(kind)
    caplog.set_level(logging.DEBUG, "django.db.backends")
    with CaptureQueriesContext(connection) as queries:
        call_command("import_provider_keys", imported.write(text, name), dry_run=dry_run, progress=True, verbosity=3)
    printed = capfd.readouterr()
    assert "created" in printed.out
    assert "Reading" in printed.err
    seen = [printed.out, printed.err, caplog.text, database_dump(), *(query["sql"] for query in queries)]
    assert not [trace for text in seen for trace in traces(text)]
    assert len(caplog.records) >= len(queries) > 2
    if not dry_run:
        assert CANARY[-4:] in database_dump()


def swapped(text: str) -> str:
    return text.replace("provider,api_key", "api_key,provider")


FAULTS: dict[str, Callable[[str], str | bytes]] = {
    "a row is bad": lambda text: text + "\nxai,\n",
    "columns are swapped": swapped,
    "no header": lambda text: text.partition("\n")[2],
    "bad encoding": lambda text: text.encode().replace(b"canary-", b"canary-\xff"),
    "bad quotes": lambda text: text.replace("sk-", '"sk-', 1),
    "white space": lambda text: text.replace("canary-", "canary- "),
    "not ascii": lambda text: text.replace("canary-", "canary-é"),
    "too many fields": lambda text: text.replace("\nopenai", f"\n{CANARY},openai"),
    "too many rows": lambda text: text + "openai,x\n" * 3,
    "key as type": lambda text: f"provider,api_key,type\nnew,{CANARY},{CANARY}",
    "key as address": lambda text: f"provider,api_key,api_base\nopenai,{CANARY},{CANARY}",
    "key in address": lambda text: f"provider,api_key,api_base\nopenai,{CANARY},https://{CANARY}@host/v1",
    "key as long name": lambda text: f"provider,api_key,type\n{CANARY * 9},sk-1,openai",
    "key as marker": lambda text: f"provider,api_key,encryption\nopenai,{CANARY},{CANARY}",
    "key as credential": lambda text: f"provider,api_key,credential\nopenai,{CANARY},{CANARY}",
}


def assert_refused_in_silence(
    imported: Importer,
    text: str | bytes,
    name: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    **options: object,
) -> None:
    caplog.set_level(logging.DEBUG, "django.db.backends")
    with pytest.raises(CommandError) as caught:
        call_command("import_provider_keys", imported.write(text, name), **options)
    printed = capfd.readouterr()
    seen = [printed.out, printed.err, caplog.text, database_dump(), everything_of(caught.value), reported(caught.value)]
    assert not [trace for text in seen for trace in traces(text)]
    assert not Provider.objects.exists()
    assert not Credential.objects.exists()


def reported(error: BaseException) -> str:
    """The error as Django's own report with the variables of all frames, but for those of the tests."""
    frames = error.__traceback__
    while frames is not None and Path(frames.tb_frame.f_code.co_filename).parent == Path(__file__).parent:
        frames = frames.tb_next
    return ExceptionReporter(None, type(error), error, frames).get_traceback_html()


@pytest.mark.parametrize("fault", FAULTS)
def test_csv_when_refused_then_nothing_of_it_shows(
    fault: str, imported: Importer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    text = FAULTS[fault](FORMATS["csv"][1]({"openai": CANARY, "groq": CANARY + "2"}))
    assert_refused_in_silence(imported, text, "keys.csv", capfd, caplog, max_rows=3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keys.json", json.dumps({"openai": CANARY})[:-1]),
        ("keys.json", json.dumps({CANARY: "openai"})),
        ("keys.json", json.dumps({"openai": [CANARY]})),
        ("keys.json", json.dumps([CANARY])),
        ("keys.json", json.dumps(CANARY)),
        ("keys.json", json.dumps([{CANARY: "openai"}])),
        ("keys.json", json.dumps([{"provider": "openai", "api_key": CANARY, CANARY: 1}])),
        ("keys.json", json.dumps([{"provider": CANARY, "api_key": CANARY}])),
        (".env", f"OPENAI_API_KEY='{CANARY}"),
        (".env", f"{CANARY}"),
        (".env", f"OPENAI_API_KEY={CANARY} {CANARY}"),
        (".env", f"{CANARY.replace('-', '_')}=openai"),
    ],
)
def test_other_formats_when_refused_then_nothing_of_them_shows(
    name: str, text: str, imported: Importer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert_refused_in_silence(imported, text, name, capfd, caplog)


@pytest.mark.parametrize("fault", ["for another key", "flipped", "plain", "no password"])
def test_encrypted_when_refused_then_nothing_shows(
    fault: str, imported: Importer, settings: Settings, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings.GATEWAY_RSA_PRIVATE_KEY = (encrypted_pem if fault == "no password" else pkcs8_pem)(rsa_key()).decode()
    ciphertext = oaep(CANARY, rsa_key("theirs" if fault == "for another key" else "ours")).hex()
    value = {"flipped": ciphertext[::-1], "plain": CANARY}.get(fault, ciphertext)
    assert_refused_in_silence(imported, f"provider,api_key\nopenai,{value}\n", "keys.csv", capfd, caplog, encrypted=True)
    assert ciphertext[100:120] not in capfd.readouterr().err
    with pytest.raises(CommandError) as caught:
        imported(f"provider,api_key\nopenai,{value}\n", encrypted=True)
    private = pkcs8_pem(rsa_key()).decode().splitlines()[5]
    assert private not in everything_of(caught.value) + reported(caught.value)
    assert ciphertext[100:120] not in everything_of(caught.value) + reported(caught.value)


def test_report_of_a_crash_when_the_database_fails_then_its_frames_show_no_key() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {Credential._meta.db_table} RENAME COLUMN last_four TO gone")
    stream = io.BytesIO(file_with_canary("csv")[1].encode())
    with pytest.raises(DatabaseError) as caught:
        import_keys(stream, "keys.csv", Options())
    told = reported(caught.value) + everything_of(caught.value)
    assert "plan_changes" in told
    assert not traces(told)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keys.csv", f"provider,api_key\nopenai,{CANARY}\n".encode().replace(b"-Wq", b"-\xffWq")),
        ("keys.csv", f'provider,api_key\nopenai,"{CANARY}'.encode()),
        ("keys.json", json.dumps({"openai": CANARY})[:-1].encode()),
        ("keys.json", b'{"a": ' + b"1" * 5000 + f', "openai": "{CANARY}"}}'.encode()),
    ],
)
def test_error_when_followed_to_its_cause_then_nothing_of_the_file_shows(name: str, text: bytes) -> None:
    with pytest.raises(KeyImportError) as caught:
        import_keys(io.BytesIO(text), name, Options())
    assert not traces(everything_of(caught.value) + reported(caught.value))


def test_private_key_when_refused_then_neither_it_nor_its_password_shows(settings: Settings) -> None:
    private = legacy_pem(rsa_key()).decode()
    settings.GATEWAY_RSA_PRIVATE_KEY = private
    settings.GATEWAY_RSA_PRIVATE_KEY_PASSWORD = CANARY
    with pytest.raises(PrivateKeyError) as caught:
        configured_private_key()
    told = everything_of(caught.value) + reported(caught.value)
    assert "load_private_key" in told
    assert not traces(told)
    assert private.splitlines()[8] not in told


def test_row_when_shown_then_without_its_key() -> None:
    row = KeyRow(1, CANARY, Secret(CANARY), credential=CANARY)
    assert not traces(f"{row} {row!r}")


def test_stdin_when_refused_then_nothing_of_it_shows(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{CANARY}\n".encode())))
    with pytest.raises(CommandError) as caught:
        call_command("import_provider_keys", "-")
    assert not traces(everything_of(caught.value) + "".join(capfd.readouterr()))
