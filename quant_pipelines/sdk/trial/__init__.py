"""The trial lab: made-up markets that a strategy is tried on, and the rules that it must keep there.

It looks down at the SDK; nothing of the SDK, and no strategy, knows that it is here.
"""
