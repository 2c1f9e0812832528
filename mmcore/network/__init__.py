"""Other systems: studies fetched from a PACS, received from one, and results sent to it.

Nothing here runs unless a site names its peers or starts ``python -m mmcore listen``. What arrives
stays bytes until the decoding process reads it.
"""
