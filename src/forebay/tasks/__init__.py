"""What each kind of task does, one file per kind; a kind knows no other kind."""
