"""What was committed reaches a collector of OpenTelemetry, which is a real server that reads its protocol."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.tracing.following import LAG, follow, send_between
from quant_pipelines.tracing.otlp import TraceReceiver
from tests.integration.operations.conftest import World
from tests.integration.operations.test_explain import decide

pytestmark = pytest.mark.postgres


@dataclass
class Served:
    """A collector: its address, what it was told, and what it answers."""

    address: str = ""
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    status: int = 200


@contextmanager
def served() -> Iterator[Served]:
    known = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if known.status == 200:
                take(known, ExportTraceServiceRequest.FromString(body))
            self.send_response(known.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    known.address = f"http://127.0.0.1:{server.server_port}/v1/traces"
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def take(known: Served, request: Any) -> None:
    for resource in request.resource_spans:
        known.services |= {
            one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
        }
        known.spans += [span for scope in resource.scope_spans for span in scope.spans]


@pytest.fixture
def collector() -> Iterator[tuple[Served, TraceReceiver]]:
    with served() as known:
        sender = TraceReceiver(known.address, "1.0")
        yield known, sender
        sender.close()


@pytest.fixture
def traded(world: Any) -> World:
    world.market()
    deployment = world.deployment()
    decide(world, deployment, "the averages crossed", orders_too=True)
    found: World = world
    return found


def test_the_steps_of_a_chain_arrive_with_times_and_attributes(
    traded: World, collector: tuple[Served, TraceReceiver]
) -> None:
    known, sender = collector
    then = traded.now - timedelta(hours=1)
    assert send_between(traded.engine, sender, then, traded.now) == len(known.spans) == 4
    assert known.services == {"quant"}
    by_name = {span.name: span for span in known.spans}
    about = {one.key: one.value for one in by_name["decision"].attributes}
    assert about["quant.reason"].string_value == "the averages crossed"
    close = traded.now - timedelta(minutes=10)
    assert by_name["decision"].start_time_unix_nano == to_ms(close) * 1_000_000
    assert by_name["order"].parent_span_id
    assert [span.trace_id for span in known.spans if len(span.trace_id) != 16] == []
    assert send_between(traded.engine, sender, traded.now, traded.now + timedelta(hours=1)) == 0


def test_what_a_collector_did_not_take_is_sent_again_once_it_answers(
    traded: World, collector: tuple[Served, TraceReceiver]
) -> None:
    known, sender = collector
    known.status = 400  # one that is tried again at once would take the exporter's own patience
    then = traded.now - timedelta(hours=1)
    with pytest.raises(StoreError, match="did not take 4 spans"):
        send_between(traded.engine, sender, then, traded.now)
    stopping, refused = threading.Event(), threading.Event()

    class Watched:
        def send(self, spans: Any) -> None:
            try:
                sender.send(spans)
                stopping.set()
            except StoreError:
                refused.set()
                known.status = 200
                raise

    def clock() -> Any:
        return traded.now + LAG

    follow(traded.engine, Watched(), then, clock=clock, stopping=stopping)
    assert refused.is_set()
    assert len(known.spans) == 4


def test_many_steps_are_sent_in_parts_that_a_collector_takes(traded: World) -> None:
    with transaction(traded.engine) as connection:
        connection.exec_driver_sql(
            "insert into trading.signals select deployment_id, bar_close - n * interval '4 seconds', target, "
            "price, decision, decided_at - n * interval '4 seconds' "
            "from trading.signals, generate_series(1, 2500) n"
        )
    then, sent = traded.now - timedelta(days=1), list[int]()

    class Counted:
        def send(self, spans: Any) -> None:
            sent.append(len(spans))

    assert send_between(traded.engine, Counted(), then, traded.now) == sum(sent) == 2504
    assert max(sent) <= 1000


def test_parts_that_were_taken_are_not_sent_again_with_those_that_were_not(traded: World) -> None:
    then, stopping, refused = traded.now - timedelta(hours=5), threading.Event(), list[int]()

    class Refusing:
        def send(self, spans: Any) -> None:
            refused.append(len(spans))
            stopping.set()
            raise StoreError("no")

    looked: list[Any] = []

    def clock() -> Any:
        looked.append(1)
        return traded.now + LAG

    follow(traded.engine, Refusing(), then, clock=clock, stopping=stopping)
    assert refused == [4]
    assert len(looked) > 1, "hours in which nothing was committed are behind it"


def test_the_command_sends_what_there_is_and_refuses_what_is_no_address(
    quant: Any, collector: tuple[Served, TraceReceiver]
) -> None:
    known, _ = collector
    code, document, _ = quant("traces", known.address, "--once", "--minutes", 0)
    assert (code, document) == (0, {"spans": 0})
    assert "to is 'localhost'; expected an address such as http" in quant("traces", "localhost")[2]
    assert "minutes is 525601; expected a value in" in quant("traces", known.address, "--minutes", 525_601)[2]
