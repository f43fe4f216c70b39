"""Which requests belong together? Sessions found in traffic that knows none: by headers, by ids, by what is said again."""
