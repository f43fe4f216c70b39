"""Anthropic: the Messages API, at Anthropic itself and where others host its models."""
