"""The list of work behind the worklist: what a case is about, what is read by itself, commands."""
