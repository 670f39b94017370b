"""How the process reaches time and its own tasks."""
