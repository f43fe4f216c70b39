"""Which of several routes takes the next request, and which is passed over because it has as much as it takes."""
