-- Names of datasets and jobs, each once: which hold a part is asked here
-- kind: immediate
DROP TABLE IF EXISTS ${database}.names ${on_cluster}
