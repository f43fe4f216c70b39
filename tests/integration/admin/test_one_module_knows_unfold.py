"""Would another version of unfold be met in one module only?"""

from __future__ import annotations

import re
from pathlib import Path

import models_catalog.admin

PACKAGE = Path(models_catalog.admin.__file__).parent
IMPORT = re.compile(r"^\s*(?:from|import)\s+unfold\b", re.MULTILINE)


def test_modules_of_the_admin_when_searched_then_only_ui_imports_unfold() -> None:
    assert [path.name for path in sorted(PACKAGE.glob("*.py")) if IMPORT.search(path.read_text())] == ["ui.py"]
