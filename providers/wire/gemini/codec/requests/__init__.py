"""Requests: what Gemini's clients ask, and what its upstreams are asked."""
