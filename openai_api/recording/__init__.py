"""What happened, told after the fact: events and where they go."""
