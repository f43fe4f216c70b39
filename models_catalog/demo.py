"""What does `quickstart` put into an empty catalog? Names by which it is told from what the operator adds."""

from __future__ import annotations

PROVIDER = "dummy"
KEY = "quickstart"
