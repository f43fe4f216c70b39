"""Together: voices and formats of its own for speech, sizes of its own for images."""
