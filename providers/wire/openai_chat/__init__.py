"""OpenAI's chat completions, and the older completions of a prompt."""
