"""Searchers, folds, walk-forward and the statistics of overfitting: pure, without I/O."""
