"""Who may ask how much?"""
