-- Rewritten many times a second: room for the new version of a row on its own page, swept often.
CREATE UNLOGGED TABLE ops.live_state (
    key TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    value JSONB NOT NULL,
    CONSTRAINT pk_live_state PRIMARY KEY (key)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

COMMENT ON TABLE ops.live_state IS 'Latest values by key while Redis is away';

COMMENT ON COLUMN ops.live_state.at IS 'when it was true by the writer''s clock';

CREATE TABLE ops.bus_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    kind TEXT NOT NULL,
    body JSONB NOT NULL,
    CONSTRAINT pk_bus_events PRIMARY KEY (id),
    CONSTRAINT uq_bus_events_event_id UNIQUE (event_id)
);

CREATE INDEX ix_bus_events_topic_id ON ops.bus_events (topic, id);

COMMENT ON TABLE ops.bus_events IS 'Events that Redis could not take; the newest of each topic are kept';

COMMENT ON COLUMN ops.bus_events.event_id IS 'the publisher''s own: a repeated event has the same';
