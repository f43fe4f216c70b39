"""The operator's pages, asked as a browser asks them."""
