"""Who is traded, by universe file, table and vendor; and the registry: whom a service keeps. Plans nothing."""
