"""How are secrets kept? Encrypted in the database, each bound to its row."""
