"""Streams of chunks, in and out."""
