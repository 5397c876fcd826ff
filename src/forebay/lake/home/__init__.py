"""Where a lake lives, a folder or a bucket: names, bytes, locks, staging. Knows nothing of what is in a file."""
