"""The floor: the same commits in plain SQL and nothing around them. `floor.py JOBS TOGETHER`: one connection, so many in a commit."""

import json
import os
import sys
import time

import psycopg

STATEMENTS = (
    "INSERT INTO floor SELECT n, 'ready' FROM generate_series(%(from)s::int, %(to)s::int) n",
    "UPDATE floor SET state = 'taken' WHERE id IN (SELECT id FROM floor WHERE state = 'ready' ORDER BY id LIMIT %(many)s"
    " FOR UPDATE SKIP LOCKED)",
    "INSERT INTO steps SELECT n, 1 FROM generate_series(%(from)s::int, %(to)s::int) n",
    "INSERT INTO steps SELECT n, 2 FROM generate_series(%(from)s::int, %(to)s::int) n",
    "UPDATE floor SET state = 'done' WHERE id BETWEEN %(from)s AND %(to)s",
)


def main():
    jobs, together = int(sys.argv[1]), int(sys.argv[2])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS floor")
        connection.execute("CREATE TABLE floor (id int PRIMARY KEY, state text)")
        connection.execute("CREATE INDEX ON floor (id) WHERE state = 'ready'")
        took = []
        for first in range(0, jobs, together):
            began = time.perf_counter()
            for statement in STATEMENTS:
                connection.execute(statement, {"from": first, "to": first + together - 1, "many": together}, prepare=True)
            took.append(time.perf_counter() - began)
    took.sort()
    print(json.dumps({"took_s": sum(took), "p50_ms": took[len(took) // 2] * 1000, "p99_ms": took[len(took) * 99 // 100] * 1000}))


main()
