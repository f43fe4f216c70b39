"""Whole messages: what upstreams answer, and what clients are told."""
