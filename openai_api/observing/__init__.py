"""What is told of an exchange after its end, and what becomes of it in the recorder?"""
