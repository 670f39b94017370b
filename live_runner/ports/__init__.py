"""How the process reaches what is outside of it: its clocks, its lease, its own tasks.

Its rows are reached by `quant_pipelines.store.journal`, the exchange by `quant_pipelines.exchange`.
"""
