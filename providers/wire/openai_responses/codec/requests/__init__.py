"""Requests: what clients ask for a response, and what upstreams are asked."""
