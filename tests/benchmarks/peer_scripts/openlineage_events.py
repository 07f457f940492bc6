"""Events with every facet of openlineage-python, written by its own file transport, as its integrations write them.

Argument: a folder. Prints the facet classes of the package with their kind (RunFacet, JobFacet, …).
"""

import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path

from openlineage.client import OpenLineageClient, generated
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import (
    base_subset_dataset,
    catalog_dataset,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_dataset,
    data_quality_metrics_input_dataset,
    dataset_type_dataset,
    dataset_version_dataset,
    datasource_dataset,
    documentation_dataset,
    documentation_job,
    environment_variables_run,
    error_message_run,
    external_query_run,
    extraction_error_run,
    input_statistics_input_dataset,
    job_type_job,
    lifecycle_state_change_dataset,
    nominal_time_run,
    output_statistics_output_dataset,
    ownership_dataset,
    ownership_job,
    parent_run,
    processing_engine_run,
    schema_dataset,
    source_code_job,
    source_code_location_job,
    sql_job,
    storage_dataset,
    symlinks_dataset,
    tags_dataset,
    tags_job,
    tags_run,
)
from openlineage.client.generated import (
    execution_parameters_run,
    hierarchy_dataset,
    job_dependencies_run,
    test_run,
)
from openlineage.client.generated import lineage as explicit
from openlineage.client.transport.file import FileConfig, FileTransport

subset, assertions = base_subset_dataset, data_quality_assertions_dataset
metrics, input_metrics = data_quality_metrics_dataset, data_quality_metrics_input_dataset
lineage = column_lineage_dataset

RUN = "01941f29-7c00-7d38-9a4f-d3b0c1f4a001"
PARENT = "01941f29-7c00-7d38-9a4f-d3b0c1f4a002"
ROOT = "01941f29-7c00-7d38-9a4f-d3b0c1f4a003"
LAKE = "s3://lake"


def facet_classes():
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for name, one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).items():
            own = inspect.isclass(one) and one.__module__ == f"{generated.__name__}.{module.name}"
            if own and name.endswith("Facet") and module.name != "base":
                kind = next(base.__name__ for base in one.__mro__[1:] if base.__module__.endswith(".base"))
                found[name] = kind
    return found


def run_facets():
    return {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(PARENT),
            job=parent_run.Job("airflow", "shop.daily"),
            root=parent_run.Root(run=parent_run.RootRun(ROOT), job=parent_run.RootJob("airflow", "shop")),
        ),
        "nominalTime": nominal_time_run.NominalTimeRunFacet("2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z"),
        "errorMessage": error_message_run.ErrorMessageRunFacet("it broke", "python", "Traceback: line 7"),
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet("3.5.1", "spark", "1.54.0"),
        "environmentVariables": environment_variables_run.EnvironmentVariablesRunFacet(
            [
                environment_variables_run.EnvironmentVariable("REGION", "eu-west-7"),
                environment_variables_run.EnvironmentVariable("DB_PASSWORD", "planted-secret-1"),
            ]
        ),
        "executionParameters": execution_parameters_run.ExecutionParametersRunFacet(
            [execution_parameters_run.ExecutionParameter("limit", "row limit", "how many at most", "777")]
        ),
        "externalQuery": external_query_run.ExternalQueryRunFacet("query-17", "bigquery"),
        "extractionError": extraction_error_run.ExtractionErrorRunFacet(
            3, 1, [extraction_error_run.Error("cannot parse", "at line 9", "task-b", 2)]
        ),
        "jobDependencies": job_dependencies_run.JobDependenciesRunFacet(
            upstream=[
                job_dependencies_run.JobDependency(
                    job=job_dependencies_run.JobIdentifier("airflow", "upstream-job"), dependency_type="IMPLICIT"
                )
            ],
        ),
        "tags": tags_run.TagsRunFacet([tags_run.TagsRunFacetFields("tier", "gold-run", "USER")]),
        "test": test_run.TestRunFacet(
            [
                test_run.TestExecution("no_orphans", "fail", severity="error", expected="0", actual="12"),
                test_run.TestExecution("fresh", "pass"),
            ]
        ),
    }


def job_facets():
    return {
        "jobType": job_type_job.JobTypeJobFacet("BATCH", "SPARK", "QUERY"),
        "sql": sql_job.SQLJobFacet("SELECT a FROM orders", "postgres"),
        "sourceCode": source_code_job.SourceCodeJobFacet("python", "print('the code')"),
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet(
            type="git",
            url="https://git.example/shop/blob/abc123/job.py",
            repoUrl="https://git.example/shop.git",
            path="job.py",
            version="abc123",
            branch="main-branch",
            pullRequestNumber="4711",
        ),
        "documentation": documentation_job.DocumentationJobFacet("what the job does", "text/markdown"),
        "ownership": ownership_job.OwnershipJobFacet([ownership_job.Owner("team:finance", "MAINTAINER")]),
        "tags": tags_job.TagsJobFacet([tags_job.TagsJobFacetFields("cost", "high-job", "USER")]),
    }


def columns():
    nested = schema_dataset.SchemaDatasetFacetFields("city", "STRING", "where to")
    return schema_dataset.SchemaDatasetFacet(
        [
            schema_dataset.SchemaDatasetFacetFields("amount", "DECIMAL", "in euro", 1),
            schema_dataset.SchemaDatasetFacetFields("address", "STRUCT", ordinal_position=2, fields=[nested]),
        ]
    )


def dataset_facets(version):
    return {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(version),
        "schema": columns(),
        "dataSource": datasource_dataset.DatasourceDatasetFacet("lake-source", "s3://lake/source"),
        "datasetType": dataset_type_dataset.DatasetTypeDatasetFacet("VIEW", "MATERIALIZED"),
        "documentation": documentation_dataset.DocumentationDatasetFacet("what it holds"),
        "lifecycleStateChange": lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(
            lifecycle_state_change_dataset.LifecycleStateChange.RENAME,
            lifecycle_state_change_dataset.PreviousIdentifier("old-name", "s3://old"),
        ),
        "ownership": ownership_dataset.OwnershipDatasetFacet([ownership_dataset.Owner("team:lake", "STEWARD")]),
        "tags": tags_dataset.TagsDatasetFacet(
            [
                tags_dataset.TagsDatasetFacetFields("pii", "partly", "SCANNER"),
                tags_dataset.TagsDatasetFacetFields("unit", "euro-tag", "USER", "amount"),
            ]
        ),
        "symlinks": symlinks_dataset.SymlinksDatasetFacet(
            [symlinks_dataset.Identifier("hive://metastore", "db.linked", "TABLE")]
        ),
        "catalog": catalog_dataset.CatalogDatasetFacet("iceberg", "hadoop", "the-catalog", warehouseUri="s3://wh"),
        "hierarchy": hierarchy_dataset.HierarchyDatasetFacet(
            [hierarchy_dataset.HierarchyDatasetFacetLevel("DATABASE", "shop-db")]
        ),
        "storage": storage_dataset.StorageDatasetFacet("iceberg-layer", "parquet"),
    }


def measured(of):
    column = of.ColumnMetrics(
        nullCount=3,
        distinctCount=41,
        sum=4850.0,
        count=97,
        min=1.5,
        max=99.5,
        quantiles={"0.1": 10.5, "0.5": 50.5, "0.9": 90.5},
    )
    return {"rowCount": 100, "bytes": 8192, "columnMetrics": {"amount": column}}


def orders():
    return InputDataset(
        LAKE,
        "orders",
        facets=dataset_facets("snapshot-71"),
        inputFacets={
            "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(100, 8192, 4),
            "dataQualityMetrics": input_metrics.DataQualityMetricsInputDatasetFacet(**measured(input_metrics)),
            "dataQualityAssertions": assertions.DataQualityAssertionsDatasetFacet(
                [
                    assertions.Assertion("not_null", True, "amount", name="amount_is_there"),
                    assertions.Assertion("unique", False, "id", severity="warn", expected="100", actual="99"),
                    assertions.Assertion("row_count", False, severity="error", params={"least": 200}),
                ]
            ),
            "subset": subset.InputSubsetInputDatasetFacet(
                subset.PartitionSubsetCondition([subset.Partition({"month": "2025-01", "shop": "north"})])
            ),
        },
    )


def revenue():
    moved = lineage.Transformation("DIRECT", "AGGREGATION", "sum of amounts", True)
    filtered = lineage.Transformation("INDIRECT", "FILTER", "where it counts", False)
    return OutputDataset(
        LAKE,
        "revenue",
        facets={
            "columnLineage": lineage.ColumnLineageDatasetFacet(
                fields={
                    "total": lineage.Fields([lineage.InputField(LAKE, "orders", "amount", [moved])]),
                    "id": lineage.Fields([lineage.InputField(LAKE, "orders", "id", [])], "same", "IDENTITY"),
                },
                dataset=[lineage.InputField(LAKE, "orders", "state", [filtered])],
            ),
            "dataQualityMetrics": metrics.DataQualityMetricsDatasetFacet(
                **measured(metrics), captureDate="2025-01-02T03:04:05Z"
            ),
        },
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(12, 512, 1),
            "subset": subset.OutputSubsetOutputDatasetFacet(subset.LocationSubsetCondition(["s3://lake/part-3"])),
        },
    )


def events():
    job = Job("spark", "shop.revenue", facets=job_facets())
    run = Run(RUN, facets=run_facets())
    yield RunEvent(eventType=RunState.START, eventTime="2025-01-02T03:00:00.123456789Z", run=run, job=job)
    yield RunEvent(
        eventType=RunState.COMPLETE,
        eventTime="2025-01-02T04:00:00.5+01:00",
        run=run,
        job=job,
        inputs=[orders()],
        outputs=[revenue()],
    )
    source = explicit.LineageDatasetInput(LAKE, "orders", "DATASET", "amount", [])
    entry = explicit.LineageDatasetEntry(LAKE, "declared", "DATASET", inputs=[source])
    other = explicit.LineageJobEntry("JOB", "airflow", "other-job", inputs=[source])
    yield JobEvent(
        eventTime="2025-01-03T00:00:00Z",
        job=Job("spark", "declared-job", facets={"lineage": explicit.LineageJobFacet([entry, other])}),
    )
    field = explicit.LineageFieldEntry([source])
    described = explicit.LineageDatasetFacet(inputs=[source], fields={"whole": field})
    yield DatasetEvent(
        eventTime="2025-01-03T01:00:00Z",
        dataset=StaticDataset(LAKE, "described", facets={**dataset_facets("v9"), "lineage": described}),
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for append in (True, False):
        path = folder / ("events.ndjson" if append else "one")
        client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(path), append=append)))
        for event in events():
            client.emit(event)
    print(json.dumps(facet_classes()))
