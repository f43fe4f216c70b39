"""Where do session events go that need no database? A file of lines, or nowhere."""
