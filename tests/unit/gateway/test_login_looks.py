"""Streams of one login share a look at it, and none believes an old one."""

import asyncio

from quant_pipelines.gateway.streams.login_looks import SHARED_SECONDS, LoginLooks


def test_streams_of_a_login_share_a_look_for_a_second() -> None:
    now, asked = [100.0], list[int]()
    looks = LoginLooks(lambda: now[0])

    def look(login_id: int) -> bool:
        asked.append(login_id)
        return login_id == 2 or len(asked) > 4

    async def played() -> list[bool]:
        found = await asyncio.gather(
            *(looks.is_out(login, lambda one=login: look(one)) for login in (1, 1, 2, 1))
        )  # type: ignore[misc]
        assert sorted(asked) == [1, 2]
        now[0] += SHARED_SECONDS * 0.9
        found.append(await looks.is_out(1, lambda: look(1)))
        assert sorted(asked) == [1, 2]
        now[0] += SHARED_SECONDS * 0.2
        asked.extend((0, 0))
        return [*found, await looks.is_out(1, lambda: look(1))]

    assert asyncio.run(played()) == [False, False, True, False, False, True]


def test_a_stream_that_leaves_takes_no_answer_from_the_others() -> None:
    async def played() -> bool:
        looks = LoginLooks()
        leaving, staying = (asyncio.ensure_future(looks.is_out(1, lambda: True)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(played()) is True
