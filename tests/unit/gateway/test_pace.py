"""How often a caller may ask."""

from quant_pipelines.gateway.pace import CallerPace


def test_a_burst_is_let_in_and_then_one_at_a_time() -> None:
    now = [0.0]
    pace = CallerPace(lambda: now[0])
    waits = [pace.wait_of("a", 60, 3) for _ in range(4)]
    assert waits == [0, 0, 0, 1.0]
    now[0] = 1.0
    assert pace.wait_of("a", 60, 3) == 0
    assert pace.wait_of("a", 60, 3) > 0
    assert pace.wait_of("b", 60, 3) == 0
    now[0] = 1000.0
    assert [pace.wait_of("a", 60, 3) for _ in range(4)][:3] == [0, 0, 0]
