"""xAI: its own parameters for images, edits as JSON, refusals in answers that look good."""
