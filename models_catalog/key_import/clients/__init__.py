"""How do client keys come in from a file? Read and checked whole, then written in one transaction, with what bounds them."""
