"""Streams of events, in and out."""
