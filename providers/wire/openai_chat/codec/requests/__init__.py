"""Requests: what clients ask in chat, and what upstreams are asked in it."""
