-- What the server has said that it has for good, and on which line of its history.
CREATE TABLE server (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    lineage TEXT    NOT NULL,
    acked   INTEGER NOT NULL
) STRICT;
