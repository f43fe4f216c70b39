"""Requests: what clients ask, and what upstreams are asked."""
