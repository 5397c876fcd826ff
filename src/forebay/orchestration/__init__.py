"""Who does which task, and when. Decides and coordinates; touches vendor and lake only through tasks and clients."""
