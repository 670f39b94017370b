"""The console in a browser: a halt by keyboard, a page that greys itself, widths, colors, semantics."""

import os
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import text

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.gateway.console.routes import PAGES, console_router
from quant_pipelines.store.heartbeats import Alert, write_alert
from tests.integration.gateway.console_world import fill_world
from tests.integration.gateway.lab_world import backtested, search, traded_market
from tests.integration.gateway.served_gate import ServedGate

pytestmark = pytest.mark.postgres
CHROMIUM = shutil.which("chromium")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}
MORE = (
    *("/strategies/1", "/verdicts/1", "/versions/ema_cross", "/audit?order=p1-1", "/acts/set_risk_limit"),
    *("/backtests/1", "/comparison?first=1&second=2"),
)
SHADED = ("", "/risk", "/audit?order=p1-1", "/acts/set_risk_limit")
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BEAT_MS = 15_000
CHANGED_ALL_THE_TIME = """async () => {
  const begun = performance.now();
  while (performance.now() < begun + 3500) {
    readAgain();
    await new Promise((done) => setTimeout(done, 50));
  }
  const read = performance.getEntriesByType("resource").filter((one) => one.initiatorType === "fetch");
  return [begun, read.map((one) => one.startTime)];
}"""
expect.set_options(timeout=BEAT_MS)


class Desk(ServedGate):
    """A console that is served, and who may log in."""

    def __init__(self, gate: Any) -> None:
        super().__init__(gate, console_router())
        self.url = f"{self.address}/console"

    def log_in(self, page: Page, name: str) -> None:
        self.gate.wait()
        page.goto(self.url, wait_until="domcontentloaded")
        expect(page.locator("#operator")).to_be_focused()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(self.gate.code(name))
        page.keyboard.press("Enter")
        expect(page.locator("#live")).to_be_visible()

    def audited(self, action: str) -> list[Any]:
        with self.gate.engine.connect() as connection:
            query = text("select actor, detail from ops.audit_logs where action = :action")
            return list(connection.execute(query, {"action": action}))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def desk(gate: Any) -> Iterator[Desk]:
    gate.add("root", "admin")
    gate.add("ann", "operator")
    desk = Desk(gate)
    desk.start()
    yield desk
    desk.stop()


def barriers_of(page: Page) -> list[str]:
    """What axe finds on a page: rule and place."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']:.200}" for one in found]


def faults_of(page: Page) -> list[str]:
    """Faults that the page itself reports while it is used."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda one: faults.append(one.text) if one.type in ("error", "warning") else None)
    return faults


def test_a_halt_by_keyboard_a_page_that_lives_and_one_that_greys_itself(desk: Desk, browser: Browser) -> None:
    page = browser.new_page()
    desk.log_in(page, "ann")
    expect(page.locator("#beat")).to_have_text(re.compile("^Live"))
    page.keyboard.press("h")
    expect(page.locator("#reason")).to_be_focused()
    assert desk.audited("runner.halted") == []
    page.keyboard.type("the feed is late")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done; it is row")).to_be_visible()
    expect(page.get_by_text("halted by ann: the feed is late").first).to_be_visible()
    ((actor, detail),) = desk.audited("runner.halted")
    assert (actor, detail["reason"]) == ("ann", "the feed is late")
    write_alert(
        desk.gate.engine, Alert("warning", "account", "margin is thin", from_ms(desk.gate.now_ms), {})
    )
    expect(page.get_by_text("margin is thin")).to_be_visible()
    expect(page.locator("body")).not_to_have_class("silent")
    desk.stop()
    expect(page.locator("body")).to_have_class("silent")
    expect(page.locator("#beat")).to_have_text(re.compile("No sign of life since"))
    page.close()


def test_a_page_reads_itself_again_at_once_and_then_once_a_second_at_most(
    desk: Desk, browser: Browser
) -> None:
    page = browser.new_page()
    desk.log_in(page, "ann")
    begun, starts = page.evaluate(CHANGED_ALL_THE_TIME)
    assert starts[0] - begun < 900
    assert len(starts) >= 3
    assert min(after - before for before, after in pairwise(starts)) >= 990
    page.close()


def test_each_page_fits_a_phone_and_a_desk_in_light_and_dark(desk: Desk, browser: Browser) -> None:
    world = fill_world(desk.gate.engine)
    search(world)
    backtested(world)
    traded_market(world)
    desk.gate.add("eve", "approver")
    told = list[str]()
    for width, scheme in ((390, "dark"), (1280, "light")):
        size: Any = {"width": width, "height": 900}
        page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
        desk.log_in(page, "eve")
        faults = faults_of(page)
        for path in (*(one.path for one in PAGES), *MORE):
            page.goto(desk.url + path, wait_until="domcontentloaded")
            if page.evaluate(TOO_WIDE) > 0:
                told.append(f"{path} is wider than {width}")
            if width > 1000 or path in SHADED:
                told += [f"{path}, {scheme}: {one}" for one in barriers_of(page)]
        page.context.close()
        told += faults
    assert told == []


def test_a_chart_tells_values_looks_closer_and_keeps_that_when_the_page_reads_itself_again(
    desk: Desk, browser: Browser
) -> None:
    traded_market(fill_world(desk.gate.engine))
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    desk.log_in(page, "ann")
    faults = faults_of(page)
    page.goto(desk.url + "/strategies/1", wait_until="domcontentloaded")
    expect(page.locator("#beat")).to_have_text(re.compile("^Live"))
    figure = page.locator("figure", has=page.locator("[data-ohlc]"))
    figure.scroll_into_view_if_needed()
    box = figure.locator(".plot").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    expect(figure.locator(".tip")).to_contain_text(re.compile(r"UTC\nopen [\d.]+\nhigh [\d.]+\nlow"))
    whole = figure.locator("svg.xs").inner_html()
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], middle, steps=3)
    page.mouse.up()
    expect(figure.locator(".plot")).to_have_class("plot closer")
    looked_at = figure.locator("svg.lines").get_attribute("viewBox")
    left, _, width, _ = map(float, str(looked_at).split())
    assert abs(left - 200) < 5
    assert abs(width - 200) < 5
    at = from_ms(desk.gate.now_ms)
    write_alert(desk.gate.engine, Alert("warning", "account", "something happened", at, {}))
    with page.expect_response(re.compile("/strategies/1$")):
        pass
    expect(figure.locator("svg.lines")).to_have_attribute("viewBox", str(looked_at))
    figure.get_by_role("button", name="Show all").click()
    expect(figure.locator(".plot")).to_have_class("plot")
    assert figure.locator("svg.xs").inner_html() == whole
    assert faults == []
    page.close()


def test_what_stands_in_the_way_of_a_reader_is_seen(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><input><p id=p>grey</p></main>')
    page.evaluate("document.getElementById('p').style.color = '#bbb'")
    assert {one.split(":")[0] for one in barriers_of(page)} == {"label", "color-contrast"}
    page.close()
