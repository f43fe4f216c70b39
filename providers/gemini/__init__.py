"""Gemini, at Google AI Studio and at Vertex AI: one format, two addresses, two ways to show who asks."""
