"""How do people sign in with more than a password? By a provider of OpenID Connect, by a second factor. Needs the extra `sso`."""
