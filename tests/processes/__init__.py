"""The runner among real processes, each of which is killed, frozen, cut off or left without a disk."""
