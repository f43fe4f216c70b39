"""LiteLLM's YAML."""
