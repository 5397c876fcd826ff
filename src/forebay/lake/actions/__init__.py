"""Corporate actions: their tables, what is doubted of them and what a user overrides, and their use on bars.

Nothing here asks the vendor; rows come in as tables.
"""
