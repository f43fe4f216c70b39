"""Whole answers: what upstreams say in Gemini's format, and what clients are told in it."""
