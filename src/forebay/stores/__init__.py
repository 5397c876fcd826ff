"""Object stores: a folder or a bucket behind one interface, and the archive kept in one. Nothing here knows tasks."""
