"""What verbs do, wherever they are asked for: the command line, a job of the Launchpad, or a route."""
