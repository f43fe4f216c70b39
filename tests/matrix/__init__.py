"""Does every dialect reach every wire? One situation after another, whole and streamed, through a running gateway.

`situations.py` says what is asked and told, in words of no vendor; `wires/` has each vendor's own words for that, written by
hand from its documents, for the client's side and for the upstream's.
"""
