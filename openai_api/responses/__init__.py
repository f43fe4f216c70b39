"""What only responses need: what is kept of them, and what they continue."""
