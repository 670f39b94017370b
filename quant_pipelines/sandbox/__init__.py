"""Processes in which a strategy's text runs: confined, asked over a socket pair, ended when they are late.

The caller never runs the text. What a process gives up is in ``confine.py``; it decides for the runner
(``host.py`` asks, ``worker.py`` answers) or tries what shall be admitted (``trial.py``).
"""
