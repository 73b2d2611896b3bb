-- What a runner's machine is and can do, as it said when it connected last.
ALTER TABLE runners ADD COLUMN machine jsonb;
