"""How are times written in the admin? One package a language, as Django's `FORMAT_MODULE_PATH` asks."""
