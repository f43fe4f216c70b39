"""Which hooks come with the gateway? Each is a module here, found by its name."""
