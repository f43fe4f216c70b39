"""What is a conversation with a model, whatever wire it came by? The form between all codecs: docs/decisions/014."""
