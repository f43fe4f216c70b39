"""How do provider keys come in from a file? Parsed, decrypted and checked whole, then written in one transaction."""
