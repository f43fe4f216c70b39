"""How do keys and models come in that another program publishes in Redis? Read, compared and written by one reader."""
