"""Byte formats, each written once and used inbound and outbound; pure functions without I/O."""
