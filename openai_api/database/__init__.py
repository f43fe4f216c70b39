"""Everything of the public side that touches Django's ORM."""
