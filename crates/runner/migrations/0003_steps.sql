-- The steps that a job entered, and which program they were of. A later life whose program has other
-- steps under these numbers does not guess what they left behind.
CREATE TABLE steps (
    run     TEXT    NOT NULL,
    epoch   INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    version TEXT    NOT NULL,
    at      TEXT    NOT NULL,
    PRIMARY KEY (run, epoch, number)
) STRICT;
