"""Composition root: settings, addresses, commands and wiring. The only package that knows all others."""
