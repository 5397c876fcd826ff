"""What a daemon does, and when. The jobs themselves are handed in; nothing here knows what they do."""
