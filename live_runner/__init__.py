"""The live runner: trades what is deployed, on closed bars, and never forgets what it has booked."""
