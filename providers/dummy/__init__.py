"""An offline provider that scripts success, slowness, errors and broken streams."""
