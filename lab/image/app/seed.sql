-- Copyright (c) vertice.netfix contributors
-- GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Large enough that looking items up by tag hurts without an index, which is left to the operator. Made in the
-- transaction that fills it, and its key last, it needs no log (seed.sh) and half the time.
BEGIN;
CREATE TABLE items (id integer NOT NULL, tag text NOT NULL, title text NOT NULL, score integer NOT NULL);
INSERT INTO items
SELECT n,
       'tag-' || lpad((n * 7919 % 2000)::text, 4, '0'),
       'item ' || n || ' about ' || md5(n::text),
       n * 7907 % 10007
FROM generate_series(1::bigint, 500000) AS n;
ALTER TABLE items ADD PRIMARY KEY (id);
COMMIT;

ANALYZE items;

CREATE EXTENSION pg_stat_statements;

