"""How is a Redis server asked without anybody waiting for it?"""
