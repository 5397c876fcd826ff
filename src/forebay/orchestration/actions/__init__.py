"""When the vendor is asked for corporate actions, and for which: few calls, and each answer remembered."""
