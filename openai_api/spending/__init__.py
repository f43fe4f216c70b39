"""What does a request cost, and what may be spent?"""
