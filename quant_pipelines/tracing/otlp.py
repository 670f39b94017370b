"""Spans as OpenTelemetry's protocol carries them over HTTP; needs the extra ``otel``."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from quant_pipelines.core.errors import StoreError
from quant_pipelines.tracing.spans import ChainSpan

_SECONDS = 10.0
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class TraceReceiver:
    """Where spans are sent.

    Parameters
    ----------
    endpoint
        Of traces, such as ``http://127.0.0.1:4318/v1/traces``.
    version
        Of this product.
    """

    def __init__(self, endpoint: str, version: str) -> None:
        self._endpoint = endpoint
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SECONDS)
        self._resource = Resource({"service.name": "quant", "service.version": version})

    def send(self, spans: Sequence[ChainSpan]) -> None:
        """Send spans; those that are known by their ids are told once more.

        Raises
        ------
        StoreError
            If they were not taken.
        """
        if not spans:
            return
        if self._exporter.export([self._readable(one) for one in spans]) is not SpanExportResult.SUCCESS:
            raise StoreError(f"the collector at {self._endpoint} did not take {len(spans)} spans")

    def close(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: ChainSpan) -> ReadableSpan:
        parent = None if span.ids.parent is None else _context(span.ids.trace, span.ids.parent)
        return ReadableSpan(
            span.name,
            context=_context(span.ids.trace, span.ids.span),
            parent=parent,
            resource=self._resource,
            attributes=span.attributes,
            status=Status(StatusCode.ERROR, span.fault) if span.fault else Status(StatusCode.OK),
            start_time=span.start_ns,
            end_time=span.end_ns,
        )


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=False, trace_flags=_SAMPLED)
