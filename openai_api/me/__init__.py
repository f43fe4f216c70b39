"""The pages under /me: what people see of their own keys, and do with them."""
