"""Upstream side of the gateway: adapters, byte formats and the transport, free of any framework."""
