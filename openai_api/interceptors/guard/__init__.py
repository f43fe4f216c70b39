"""What must not be said? A hook that finds it in requests, answers and streams, and takes it out or refuses."""
