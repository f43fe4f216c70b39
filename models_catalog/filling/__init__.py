"""How does a catalog fill with what a provider's account offers?"""
