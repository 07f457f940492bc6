-- Names of datasets and jobs, each once: which hold a part is asked here
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.names ${on_cluster}
(
    `about` LowCardinality(String) COMMENT 'dataset or job.',
    `namespace` LowCardinality(String) COMMENT 'Its namespace.',
    `name` String COMMENT 'Its name.' CODEC(ZSTD(1))
)
ENGINE = ${replacing}
ORDER BY (about, namespace, name)
SETTINGS ${settings}
COMMENT 'Names of datasets and jobs, each once: which hold a part is asked here'
