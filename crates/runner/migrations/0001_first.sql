-- Frames that the server has not yet acknowledged. AUTOINCREMENT: a number is never used twice.
CREATE TABLE outbox (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    run   TEXT,
    epoch INTEGER,
    frame BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_run ON outbox (run, epoch);

-- Every job that this runner ever took and still remembers.
CREATE TABLE jobs (
    run        TEXT    NOT NULL,
    epoch      INTEGER NOT NULL,
    job        TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('execute', 'land')),
    order_id   TEXT,
    step       TEXT    NOT NULL,
    held       INTEGER NOT NULL CHECK (held IN (0, 1)),
    changed_at TEXT    NOT NULL,
    PRIMARY KEY (run, epoch)
) STRICT;

-- Processes that a job has started, so that a later life can end exactly those. A process is its
-- number together with when it was started.
CREATE TABLE processes (
    run     TEXT    NOT NULL,
    epoch   INTEGER NOT NULL,
    pid     INTEGER NOT NULL,
    started INTEGER NOT NULL,
    PRIMARY KEY (pid, started)
) STRICT;
