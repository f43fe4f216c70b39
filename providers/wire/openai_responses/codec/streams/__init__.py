"""Responses as they are made, event by event."""
