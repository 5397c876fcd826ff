"""Questions to the lake and their answers, by frames or by SQL: `forebay.Lake` is here. Writes nothing."""
