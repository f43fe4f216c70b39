"""Ollama's own API: `/api/chat`. Format: the source of Ollama of August 2026 (`api/types.go`, `server/routes.go`)."""
