#!/usr/bin/env python
"""How is the project managed from a checkout? The same commands as the console script `gateway`."""

from __future__ import annotations

from gateway_project.cli import main

if __name__ == "__main__":
    main()
