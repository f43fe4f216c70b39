"""Do the examples of the documentation work as written?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.key_import.samples import GROQ_KEY, KEYS, OPENAI_KEY, Importer, pkcs8_pem, rsa_key, stored

PAGE = (Path(__file__).parents[3] / "docs/importing-keys.md").read_text()


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def with_keys(text: str) -> str:
    return text.replace("sk-…", OPENAI_KEY).replace("gsk_…", GROQ_KEY)


def test_generator_when_run_as_documented_then_its_file_is_imported(imported: Importer) -> None:
    public = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    imported.write(public, "public.pem")
    script = imported.write(with_keys(example("python")), "generate.py")
    made = subprocess.run([sys.executable, script], cwd=imported.directory, capture_output=True, timeout=60, check=True)
    imported(made.stdout, private_key=imported.write(pkcs8_pem(rsa_key()), "private.pem"))
    assert stored() == KEYS


@pytest.mark.parametrize("language", ["csv", "json"])
def test_file_when_as_documented_then_imported(language: str, imported: Importer) -> None:
    text = with_keys(example(language)).replace("token-…", "token-1").replace("5f0c…a1,azure_openai", "5f0ca1,azure_openai")
    assert "openai" in imported(text.replace(",rsa\n", ",plain\n"), f"keys.{language}")[0]
    assert stored()["openai"] == OPENAI_KEY
