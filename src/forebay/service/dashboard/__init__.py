"""The pages of the service: thin routes that ask the desk and fill templates. No SQL and no judging lives here."""
