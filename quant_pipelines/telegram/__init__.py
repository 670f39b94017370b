"""Operators ask and tighten from a chat: through the gateway, in their own name, and nothing loosens."""
