"""Which prices does the `genai-prices` library know for the models of the catalog?"""
