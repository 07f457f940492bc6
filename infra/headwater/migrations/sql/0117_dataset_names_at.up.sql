-- Parameterised (at, known_at): names that have others, each with the name that stands for all of them
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.dataset_names_at ${on_cluster} AS
-- Names are the same through any number of statements, also in a circle. For all of them stands a name that is no alias and
-- was not renamed away, else any; of several the first in order.
WITH RECURSIVE
    pairs AS
    (
        SELECT dataset, other, any(a.namespace) AS namespace, any(a.name) AS name, max(a.secondary) AS secondary
        FROM ${database}.dataset_aliases AS a
        WHERE a.event_time <= {at:DateTime64(6, 'UTC')} AND a.arrival <= {known_at:DateTime64(6, 'UTC')}
        GROUP BY dataset, other
    ),
    named AS
    (
        SELECT dataset, any(namespace) AS namespace, any(name) AS name, max(secondary) AS secondary FROM pairs GROUP BY dataset
    ),
    walked AS
    (
        SELECT dataset AS root, [dataset] AS seen, [dataset] AS fresh FROM named
        UNION ALL
        SELECT root, arrayConcat(before, fresh) AS seen, fresh
        FROM
        (
            SELECT s.root AS root, any(s.seen) AS before, groupUniqArrayIf(p.other, NOT has(s.seen, p.other)) AS fresh
            FROM (SELECT root, seen, arrayJoin(fresh) AS node FROM walked) AS s
            INNER JOIN pairs AS p ON p.dataset = s.node
            GROUP BY s.root
            HAVING notEmpty(fresh)
        )
    )
SELECT
    any(r.namespace) AS namespace,
    any(r.name) AS name,
    argMin(m.namespace, (m.secondary, m.namespace, m.name)) AS same_as_namespace,
    argMin(m.name, (m.secondary, m.namespace, m.name)) AS same_as_name,
    any(r.secondary) AS secondary,
    w.root AS dataset,
    argMin(m.dataset, (m.secondary, m.namespace, m.name)) AS same_as
FROM (SELECT root, arrayJoin(fresh) AS node FROM walked) AS w
INNER JOIN named AS m ON m.dataset = w.node
INNER JOIN named AS r ON r.dataset = w.root
GROUP BY w.root
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (at, known_at): names that have others, each with the name that stands for all of them'
