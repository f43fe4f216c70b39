"""What does the catalog hold, and what changes? States as plain values, their differences, and how they are written."""
