"""What a process tells of itself: numbers that Prometheus reads, and lines of its log.

Nothing here decides, and nobody waits for it.
"""
