ALTER TABLE ops.alerts ADD COLUMN routed_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE ops.alerts ADD COLUMN acknowledged_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE ops.alerts ADD COLUMN acknowledged_by TEXT;

-- What was written before somebody could be told is not told now.
UPDATE ops.alerts SET routed_at = at;

ALTER TABLE ops.alerts ADD CONSTRAINT ck_alerts_acknowledged
    CHECK ((acknowledged_at is null) = (acknowledged_by is null));

CREATE INDEX ix_alerts_unrouted ON ops.alerts (id) WHERE routed_at is null;

CREATE INDEX ix_alerts_source_at ON ops.alerts (source, at);

COMMENT ON COLUMN ops.alerts.routed_at IS 'when its deliveries were planned; null: not yet';

COMMENT ON COLUMN ops.alerts.acknowledged_at IS 'when a person said that it is known';

CREATE TABLE ops.alert_deliveries (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    alert_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    wait_minutes BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    error TEXT NOT NULL,
    CONSTRAINT pk_alert_deliveries PRIMARY KEY (id),
    CONSTRAINT ck_alert_deliveries_state
        CHECK (state in ('waiting', 'sending', 'delivered', 'duplicate', 'over', 'failed')),
    CONSTRAINT ck_alert_deliveries_delivered CHECK ((state = 'delivered') = (delivered_at is not null)),
    CONSTRAINT uq_alert_deliveries_alert_id_channel UNIQUE (alert_id, channel),
    CONSTRAINT fk_alert_deliveries_alert_id_alerts FOREIGN KEY(alert_id) REFERENCES ops.alerts (id)
);

CREATE INDEX ix_alert_deliveries_due ON ops.alert_deliveries (due_at) WHERE state in ('waiting', 'sending');

COMMENT ON TABLE ops.alert_deliveries IS 'One row for each alert and channel: who was told what, and what is still to be told';

COMMENT ON COLUMN ops.alert_deliveries.state IS 'waiting, sending, delivered, duplicate, over or failed';

COMMENT ON COLUMN ops.alert_deliveries.wait_minutes IS 'above 0: only while nobody acknowledged';

COMMENT ON COLUMN ops.alert_deliveries.due_at IS 'when it may be sent; while sending: when it is taken for lost';

COMMENT ON COLUMN ops.alert_deliveries.error IS 'what went wrong last; empty when nothing did';
