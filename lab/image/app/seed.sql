-- Copyright (c) vertice.netfix contributors
-- GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Large enough that looking items up by tag hurts without an index, which is left to the operator.
CREATE TABLE items (id integer PRIMARY KEY, tag text NOT NULL, title text NOT NULL, score integer NOT NULL);

INSERT INTO items
SELECT n,
       'tag-' || lpad((n * 7919 % 2000)::text, 4, '0'),
       'item ' || n || ' about ' || md5(n::text),
       n * 7907 % 10007
FROM generate_series(1, 250000) AS n;

ANALYZE items;

