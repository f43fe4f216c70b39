"""Whole answers: what upstreams say in chat, and what clients are told in it."""
