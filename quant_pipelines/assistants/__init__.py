"""What assistants that speak the Model Context Protocol may do here: read and run backtests, nothing else."""
