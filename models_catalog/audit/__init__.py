"""Who changed what, and who signed in? Every change is an entry of a chain, written in the transaction of the change."""
