"""The nouns of Forebay: values and pure functions. No input or output, no settings, no other room."""
