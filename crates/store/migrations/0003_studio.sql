-- What people need to see and to mend: a card's history and place, editing and putting away.

ALTER TABLE cards ADD COLUMN rank double precision NOT NULL DEFAULT 0;
ALTER TABLE cards ADD COLUMN archived_at timestamptz;
ALTER TABLE cards ADD COLUMN last_seq bigint NOT NULL DEFAULT 0;
-- Cards that are there keep their order: by age, in whole steps. The owner is under row-level
-- security like everyone, and without a tenant would see no card: for this one statement it is not.
ALTER TABLE cards NO FORCE ROW LEVEL SECURITY;
UPDATE cards SET rank = ranked.place FROM (
    SELECT tenant_id, id, row_number() OVER (PARTITION BY tenant_id, project_id ORDER BY id) AS place FROM cards
) ranked WHERE ranked.tenant_id = cards.tenant_id AND ranked.id = cards.id;
ALTER TABLE cards FORCE ROW LEVEL SECURITY;

CREATE TABLE card_events (
    tenant_id uuid NOT NULL,
    card_id   uuid NOT NULL,
    seq       bigint NOT NULL,
    at        timestamptz NOT NULL,
    by_user   uuid,             -- nobody where a run moved the card
    kind      text NOT NULL,
    lane_from text,
    lane_to   text,
    run_id    uuid,
    run_state text,
    reason    text,
    PRIMARY KEY (tenant_id, card_id, seq),
    FOREIGN KEY (tenant_id, card_id) REFERENCES cards (tenant_id, id)
);
ALTER TABLE card_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE card_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON card_events TO freehold_app
    USING (tenant_id = NULLIF(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON card_events TO freehold_app;

-- An agent or a provider that is removed stays for the runs that name it; its name is free again.
ALTER TABLE agents ADD COLUMN removed_at timestamptz;
ALTER TABLE agents ADD COLUMN version bigint NOT NULL DEFAULT 1; -- of the place of `start`
ALTER TABLE agents DROP CONSTRAINT agents_tenant_id_name_key;
CREATE UNIQUE INDEX agents_name ON agents (tenant_id, name) WHERE removed_at IS NULL;
ALTER TABLE providers ADD COLUMN removed_at timestamptz;
ALTER TABLE providers DROP CONSTRAINT providers_tenant_id_name_key;
CREATE UNIQUE INDEX providers_name ON providers (tenant_id, name) WHERE removed_at IS NULL;

ALTER TABLE runs ADD COLUMN started_at timestamptz;
-- {requests, input_tokens, output_tokens}, of all its attempts.
ALTER TABLE runs ADD COLUMN usage jsonb;

-- A key stands for whatever it made: a run, a card.
ALTER TABLE idempotency RENAME COLUMN run_id TO made;

-- What runs that wait for a person, or for nobody, are found by.
CREATE INDEX runs_of_tenant ON runs (tenant_id, id DESC);
