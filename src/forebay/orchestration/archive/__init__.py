"""What is done with an archive as a whole: taken over, listed, verified, rebuilt from. One file an errand."""
