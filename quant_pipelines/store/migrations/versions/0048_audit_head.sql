CREATE TABLE ops.audit_head (
    log TEXT NOT NULL,
    rows BIGINT NOT NULL,
    newest_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_head PRIMARY KEY (log),
    CONSTRAINT ck_audit_head_one CHECK (log = 'ops.audit_logs')
);

COMMENT ON TABLE ops.audit_head IS 'How many rows the audit log has and the hash of its newest; only a new row of the log moves it';

COMMENT ON COLUMN ops.audit_head.rows IS 'rows that were ever written';

-- The newest hash stood among the signs of life before: rows that were cut off by now are still missed.
INSERT INTO ops.audit_head (log, rows, newest_id, hash)
SELECT 'ops.audit_logs', known.rows + (told.hash IS DISTINCT FROM known.hash AND told.hash IS NOT NULL)::int,
    greatest(known.newest_id, told.id), coalesce(told.hash, known.hash, decode(repeat('00', 32), 'hex'))
FROM (
    SELECT count(*) AS rows, coalesce(max(id), 0) AS newest_id,
        (SELECT hash FROM ops.audit_logs ORDER BY id DESC LIMIT 1) AS hash
    FROM ops.audit_logs
) AS known
LEFT JOIN (
    SELECT decode(detail->>'hash', 'hex') AS hash, (detail->>'id')::bigint AS id
    FROM ops.heartbeats WHERE service = 'audit_log'
) AS told ON true;

DELETE FROM ops.heartbeats WHERE service = 'audit_log';

CREATE FUNCTION ops.refuse_another_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'rows of the audit log never change: ' || lower(tg_op) || ' is refused',
        ERRCODE = 'check_violation', CONSTRAINT = 'audit_logs_stay';
END $$;

CREATE TRIGGER audit_logs_stay BEFORE UPDATE OR DELETE ON ops.audit_logs
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_another_log();

CREATE TRIGGER audit_logs_all_stay BEFORE TRUNCATE ON ops.audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_another_log();

-- A row that does not continue the log is refused; one that does moves the head, in its own transaction.
CREATE FUNCTION ops.continue_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ops.audit_head AS head (log, rows, newest_id, hash) VALUES ('ops.audit_logs', 1, new.id, new.hash)
    ON CONFLICT (log) DO UPDATE SET rows = head.rows + 1, newest_id = new.id, hash = new.hash
    WHERE head.hash = new.previous_hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING MESSAGE = 'a row of the audit log names another hash than that of the row before it',
            ERRCODE = 'check_violation', CONSTRAINT = 'audit_logs_continue';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER audit_logs_continue AFTER INSERT ON ops.audit_logs
    FOR EACH ROW EXECUTE FUNCTION ops.continue_the_log();

CREATE FUNCTION ops.keep_the_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op IN ('INSERT', 'UPDATE') AND pg_trigger_depth() > 1 THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION USING MESSAGE = 'only a new row of the audit log moves its head: ' || lower(tg_op) || ' is refused',
        ERRCODE = 'check_violation', CONSTRAINT = 'audit_head_stays';
END $$;

CREATE TRIGGER audit_head_stays BEFORE INSERT OR UPDATE OR DELETE ON ops.audit_head
    FOR EACH ROW EXECUTE FUNCTION ops.keep_the_head();

CREATE TRIGGER audit_head_all_stays BEFORE TRUNCATE ON ops.audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION ops.keep_the_head();
