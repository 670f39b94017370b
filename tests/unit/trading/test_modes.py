import pytest

from quant_pipelines.trading.modes import AccountModes, mode_fault


@pytest.mark.parametrize(
    ("modes", "parts"),
    [
        (AccountModes(), ()),
        (AccountModes(has_hedge=True), ("hedge mode", "one-way mode", "position mode")),
        (AccountModes(has_multi_assets=True), ("multi-assets mode", "single-asset mode", "asset mode")),
        (AccountModes(has_portfolio_margin=True), ("portfolio margin", "standard account")),
        (
            AccountModes(True, True, True),
            ("hedge mode and multi-assets mode and portfolio margin", "one-way"),
        ),
    ],
)
def test_each_mode_is_refused_by_name_with_what_to_switch_where(
    modes: AccountModes, parts: tuple[str, ...]
) -> None:
    fault = mode_fault(modes)
    assert bool(fault) == any(modes)
    assert all(part in fault for part in parts)
