"""On which machine do events come about? Asked once."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any


@cache
def host_attributes() -> dict[str, Any]:
    """The attributes that every event has. Not to be changed."""
    machine = os.uname()
    return {
        "os.type": machine.sysname.lower(),
        "os.version": machine.release,
        "env.python.version": ".".join(map(str, sys.version_info[:3])),
        "env.machine.type": machine.machine,
        "host.name": machine.nodename,
    }
