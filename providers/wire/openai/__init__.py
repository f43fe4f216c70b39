"""What all formats of OpenAI have in common."""
