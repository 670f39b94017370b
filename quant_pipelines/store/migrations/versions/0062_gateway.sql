CREATE TABLE ops.logins (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    operator TEXT NOT NULL,
    role TEXT NOT NULL,
    is_identified BOOLEAN NOT NULL,
    label TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_logins PRIMARY KEY (id),
    CONSTRAINT uq_logins_token_hash UNIQUE (token_hash),
    CONSTRAINT ck_logins_kind CHECK (kind in ('browser', 'program')),
    CONSTRAINT ck_logins_role CHECK (role in ('viewer', 'operator', 'approver', 'admin'))
);

COMMENT ON TABLE ops.logins IS 'Who is logged in at the gateway; no token is stored, only its hash';
COMMENT ON COLUMN ops.logins.kind IS 'browser: an opaque token in a cookie; program: the number of a signed token';
COMMENT ON COLUMN ops.logins.role IS 'most that it may do; the role of its user holds as well';
COMMENT ON COLUMN ops.logins.is_identified IS 'whether a one-time code proved the name; else it counts while nobody is a user';
COMMENT ON COLUMN ops.logins.label IS 'what a program is called by whoever let it in; empty for a browser';
COMMENT ON COLUMN ops.logins.ended_at IS 'when somebody logged out or took it back; null while it counts';

CREATE INDEX ix_audit_logs_subject_id ON ops.audit_logs (subject, id);
