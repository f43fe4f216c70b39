"""Fireworks: addresses of their own for listening, three ways to images, one of them asynchronous."""
