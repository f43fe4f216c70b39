"""How is a target asked for what it speaks in another wire?"""
