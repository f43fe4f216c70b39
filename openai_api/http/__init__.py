"""What happens to a request before anything of it is decoded?"""
