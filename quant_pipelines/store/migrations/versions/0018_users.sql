CREATE TABLE ops.users (
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    sealed_seed BYTEA NOT NULL,
    last_step BIGINT NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE[] NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    added_by TEXT NOT NULL,
    disabled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_users PRIMARY KEY (name),
    CONSTRAINT ck_users_name CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    CONSTRAINT ck_users_role CHECK (role in ('viewer', 'operator', 'approver', 'admin'))
);

COMMENT ON TABLE ops.users IS 'People who decide; once there is one, names are proven by codes';

COMMENT ON COLUMN ops.users.role IS 'viewer, operator, approver or admin: each may what those before it may';

COMMENT ON COLUMN ops.users.sealed_seed IS 'seed of one-time codes, encrypted';

COMMENT ON COLUMN ops.users.last_step IS 'time step of the last code that was accepted';

COMMENT ON COLUMN ops.users.tried_at IS 'when codes were tried last';

ALTER TABLE ops.approvals ADD COLUMN expires_at TIMESTAMP WITH TIME ZONE;

UPDATE ops.approvals SET expires_at = coalesce(decided_at, now()) + interval '3 days';

ALTER TABLE ops.approvals ALTER COLUMN expires_at SET NOT NULL;

ALTER TABLE ops.approvals ADD CONSTRAINT ck_approvals_in_time
    CHECK (decision <> 'approved' or decided_at < expires_at);

COMMENT ON COLUMN ops.approvals.expires_at IS 'until when a second person may answer';

-- A time step is accepted once: it never stands still or goes back when it is written.
CREATE FUNCTION ops.require_codes_move_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.last_step < old.last_step THEN
        RAISE EXCEPTION USING MESSAGE = 'last step of ' || new.name || ' goes back',
            ERRCODE = 'check_violation', CONSTRAINT = 'codes_move_on';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER codes_move_on BEFORE UPDATE OF last_step ON ops.users
    FOR EACH ROW EXECUTE FUNCTION ops.require_codes_move_on();

-- Once there are users, who proposes and who approves are two of them, both able, and the second an approver.
CREATE FUNCTION ops.require_known_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ops.users) OR new.decision = 'void' THEN
        RETURN new;
    END IF;
    IF NOT EXISTS (
        SELECT FROM ops.users WHERE name = new.proposer AND disabled_at IS NULL AND role <> 'viewer'
    ) THEN
        RAISE EXCEPTION USING MESSAGE = 'proposer ' || new.proposer || ' is no able user',
            ERRCODE = 'check_violation', CONSTRAINT = 'known_people';
    END IF;
    IF new.operator IS NOT NULL AND NOT EXISTS (
        SELECT FROM ops.users
        WHERE name = new.operator AND disabled_at IS NULL AND role IN ('approver', 'admin')
    ) THEN
        RAISE EXCEPTION USING MESSAGE = new.operator || ' is no able approver',
            ERRCODE = 'check_violation', CONSTRAINT = 'known_people';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER known_people BEFORE INSERT OR UPDATE ON ops.approvals
    FOR EACH ROW EXECUTE FUNCTION ops.require_known_people();
