"""Rows of a file in order of time."""

import numpy as np

from quant_pipelines.archive.layouts.layout import Content


def in_order(content: Content, *, is_unordered: bool) -> Content:
    """Rows by time: newest first is turned round, and no other order but where a layout has it.

    Parameters
    ----------
    content
        Rows as they stand in the file.
    is_unordered
        Whether the layout has any order.
    """
    distances = np.diff(content.ts)
    if is_unordered and (distances < 0).any():
        return content.taken(np.argsort(content.ts, kind="stable"))
    falls = int((distances < 0).sum())
    if falls > 1 and (distances <= 0).all():  # two rows alone may as well be a slip
        return content.taken(np.arange(content.ts.size)[::-1])
    return content
