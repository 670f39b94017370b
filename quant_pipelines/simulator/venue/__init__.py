"""The order side of the simulated venue: an exact ledger of its own, matching, margin and liquidation.

Driven by explicit events and an injected clock, so it is deterministic and needs no socket. It must never
import the system's own accounting: it is the ground truth that the system is checked against.
"""
