"""Measurements of the gateway against a mock upstream."""
