-- How strongly runs are kept apart, what they may use up, and what was really in force.

ALTER TABLE agents ADD COLUMN isolation text NOT NULL DEFAULT 'sandbox'
    CHECK (isolation IN ('none', 'worktree', 'sandbox', 'container', 'vm'));
ALTER TABLE agents ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';
-- Nothing where a project demands nothing.
ALTER TABLE projects ADD COLUMN isolation_at_least text
    CHECK (isolation_at_least IN ('worktree', 'sandbox', 'container', 'vm'));
-- What a runner must be able to do: `isolation` is what was in force, once that is known.
ALTER TABLE runs ADD COLUMN isolation_asked text NOT NULL DEFAULT 'sandbox';
-- A list for each epoch: numbers and names, no content.
ALTER TABLE runs ADD COLUMN in_force jsonb;
