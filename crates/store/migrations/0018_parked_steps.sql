-- A remote that is away, and steps that are numbered.

-- The remote could not be reached by the last job: since when, how often it was asked, and when it is
-- asked again (`model::run::Away`).
ALTER TABLE runs ADD COLUMN away jsonb;
-- Before this nobody looks at it, whatever changes meanwhile.
ALTER TABLE queue_ready ADD COLUMN not_before timestamptz NOT NULL DEFAULT '-infinity';

-- Each step of an epoch has a number, which its runner gave it and which has one name; and the version of
-- the program that did it. Steps of older runners have neither. No CHECK: the months that are made later
-- (`months_make`) would lack it, and could not be attached.
ALTER TABLE run_steps ADD COLUMN number integer, ADD COLUMN version text;
CREATE UNIQUE INDEX run_steps_number ON run_steps (tenant_id, run_id, epoch, number);
