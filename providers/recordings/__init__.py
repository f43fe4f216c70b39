"""How are recorded exchanges read? docs/recordings.md has the format, which `http_recorder` writes."""
