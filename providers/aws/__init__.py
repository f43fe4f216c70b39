"""What does every service of AWS need? Credentials in their several forms, and the signature of requests."""
