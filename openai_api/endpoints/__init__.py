"""What each public path means: bytes in, a call out."""
