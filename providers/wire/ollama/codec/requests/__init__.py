"""Requests: what clients ask in Ollama's chat, and what upstreams are asked in it."""
