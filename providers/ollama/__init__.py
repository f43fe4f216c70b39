"""Ollama: its OpenAI-compatible paths, and its own API."""
