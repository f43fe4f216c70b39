"""Mistral: judgements without a verdict, transcripts and their events in a form of its own."""
