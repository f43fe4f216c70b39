"""Streams: each chunk is a whole GenerateContentResponse."""
