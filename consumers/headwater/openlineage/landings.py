"""Which facet lands where: the table that translation follows, and that consumers/README.md shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from headwater.openlineage import columns, datasets, jobs, own, quality, runs
from headwater.openlineage.fields import Fields

Place = Literal["run", "job", "dataset", "input", "output"]
#: From a facet to fields of the contract. Raises Misshapen.
Land = Callable[[Fields], dict[str, Any]]


class Landing(NamedTuple):
    """One facet's home."""

    #: The generated class of openlineage-python.
    of: str
    #: Fields of the contract, as the documentation names them.
    where: str
    land: Land | None = None
    #: A mistake in it would make a false edge or a false version: it refuses the event instead of being kept aside.
    exact: bool = False
    #: Only of what an event writes or describes: of a dataset that is read it says what others did.
    written: bool = False
    #: What it lands in depends on the facet alone, and not on this process's own secrets.
    pure: bool = True


_KEPT: Final = "`facets`, whole"
_KEPT_OF_RUN: Final = "`run.facets`, whole"
_KEPT_OF_JOB: Final = "`job.facets`, whole"

LANDINGS: Final[Mapping[Place, Mapping[str, Landing]]] = {
    "run": {
        "parent": Landing("ParentRunFacet", "`run.parent`, `run.root`", runs.parent, exact=True),
        "parentRun": Landing("ParentRunFacet (before 1.0)", "`run.parent`", runs.parent, exact=True),
        "nominalTime": Landing("NominalTimeRunFacet", "`run.nominal_start`, `run.nominal_end`", runs.nominal_time),
        "errorMessage": Landing("ErrorMessageRunFacet", "`error`, cut at 4 and 16 KB", runs.error, pure=False),
        "spark.exception": Landing(
            "Spark's own", "`error`, cut at 4 and 16 KB, where no errorMessage says it", runs.error, pure=False
        ),
        "processing_engine": Landing(
            "ProcessingEngineRunFacet", "`environment['processing_engine']`", runs.processing_engine
        ),
        "environmentVariables": Landing(
            "EnvironmentVariablesRunFacet", "`environment['variables']`, secrets as …", runs.environment_variables
        ),
        "executionParameters": Landing("ExecutionParametersRunFacet", "`parameters`", runs.execution_parameters),
        "externalQuery": Landing("ExternalQueryRunFacet", _KEPT_OF_RUN),
        "extractionError": Landing("ExtractionErrorRunFacet", _KEPT_OF_RUN),
        "jobDependencies": Landing("JobDependenciesRunFacet", _KEPT_OF_RUN),
        "tags": Landing("TagsRunFacet", _KEPT_OF_RUN),
        own.NAME: Landing("ours", "`run.trace_id`, `.span_id`, `.links`, `.root`", own.run, exact=True),
        "test": Landing("TestRunFacet", f"a verdict for each test, on the job; {_KEPT_OF_RUN}"),
        "dagster_asset_check": Landing(
            "Dagster's own", f"the severity of `assertions` and so of their verdicts; {_KEPT_OF_RUN}"
        ),
    },
    "job": {
        "jobType": Landing("JobTypeJobFacet", "`job.processing`, `job.integration`, `job.kind`", jobs.job_type),
        "sql": Landing("SQLJobFacet", "`job.code.source`, language sql", jobs.sql),
        "sourceCode": Landing(
            "SourceCodeJobFacet", "`job.code.source`, `.language`; beside an sql facet whole", jobs.source_code
        ),
        "sourceCodeLocation": Landing(
            "SourceCodeLocationJobFacet",
            "`job.code.repository`, `.commit`, `.branch`, `.entrypoint`",
            jobs.source_code_location,
        ),
        "documentation": Landing("DocumentationJobFacet", "`job.description`", jobs.documentation),
        "ownership": Landing("OwnershipJobFacet", "`job.owners`", jobs.ownership),
        "tags": Landing("TagsJobFacet", "`job.tags`", jobs.tags),
        "lineage": Landing(
            "LineageJobFacet",
            "of datasets: `edges`, `edges_complete`, `column_lineage` of that output; of the own job: `inputs`; "
            f"{_KEPT_OF_JOB}",
        ),
    },
    "dataset": {
        "version": Landing("DatasetVersionDatasetFacet", "`version`, origin declared", datasets.version, exact=True),
        "schema": Landing("SchemaDatasetFacet", "`columns`, nested ones by their path", datasets.schema),
        "columnLineage": Landing(
            "ColumnLineageDatasetFacet",
            "`column_lineage` of what is written",
            columns.column_lineage,
            exact=True,
            written=True,
        ),
        "lineage": Landing(
            "LineageDatasetFacet",
            "`edges`, `edges_complete`, `column_lineage` of what is written",
            columns.lineage,
            exact=True,
            written=True,
        ),
        "symlinks": Landing("SymlinksDatasetFacet", "`aliases`", datasets.symlinks, exact=True),
        "dataSource": Landing("DatasourceDatasetFacet", "`source_name`, `source_uri`", datasets.data_source),
        "datasetType": Landing("DatasetTypeDatasetFacet", "`kind`", datasets.dataset_type),
        "documentation": Landing("DocumentationDatasetFacet", "`description`", jobs.documentation),
        "lifecycleStateChange": Landing("LifecycleStateChangeDatasetFacet", "`lifecycle`", datasets.lifecycle),
        "ownership": Landing("OwnershipDatasetFacet", "`owners`", jobs.ownership),
        "tags": Landing("TagsDatasetFacet", "`tags`; of a column in the schema `columns.tags`", datasets.tags),
        "dataQualityMetrics": Landing("DataQualityMetricsDatasetFacet", "a profile; where it names no rows, whole"),
        "dataQualityAssertions": Landing(
            "DataQualityAssertionsDatasetFacet", "`assertions`, and a verdict for each", quality.assertions
        ),
        "dataQuality": Landing(
            "DataQualityMetrics (its former name)",
            "as `dataQualityMetrics`; nowhere where it says the same as that beside it",
        ),
        "greatExpectations_assertions": Landing(
            "Great Expectations' own", "`assertions`, and a verdict for each", quality.expectations
        ),
        own.NAME: Landing(
            "ours",
            "`edges`, `edges_complete`, `column_lineage`, `version_origin`, `columns_read`, `partitions`, each instead "
            "of what other facets say",
            own.dataset,
            exact=True,
        ),
        "catalog": Landing("CatalogDatasetFacet", _KEPT),
        "hierarchy": Landing("HierarchyDatasetFacet", _KEPT),
        "storage": Landing("StorageDatasetFacet", _KEPT),
    },
    "input": {
        "inputStatistics": Landing("InputStatisticsInputDatasetFacet", "`rows`, `bytes`", datasets.statistics),
        "dataQualityMetrics": Landing(
            "DataQualityMetricsInputDatasetFacet", "a profile; where it names no rows, whole"
        ),
        "dataQualityAssertions": Landing(
            "DataQualityAssertionsDatasetFacet", "`assertions`, and a verdict for each", quality.assertions
        ),
        "subset": Landing(
            "InputSubsetInputDatasetFacet", "`partitions` where it names partitions, else whole", datasets.subset
        ),
    },
    "output": {
        "outputStatistics": Landing("OutputStatisticsOutputDatasetFacet", "`rows`, `bytes`", datasets.statistics),
        "subset": Landing(
            "OutputSubsetOutputDatasetFacet", "`partitions` where it names partitions, else whole", datasets.subset
        ),
    },
}
