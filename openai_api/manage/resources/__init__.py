"""Which objects are there, how are they read, and how are they written?"""
