"""What a reader may use, each list with its reason. The guard reads it; nothing here is code.

The engine holds a reader by `readonly=1` already. These lists close what that leaves open (seen on
engine 26.9: the scalar `file()`, `INTO OUTFILE`, `KILL`, `DESCRIBE` of a file, requests by `s3()`).
"""

from __future__ import annotations

#: Statements whose tree the guard walks. All others are refused, but for the forms below.
STATEMENTS = frozenset({
    "SelectWithUnionQuery", "SelectIntersectExceptQuery", "ExplainQuery", "ShowTablesQuery", "ShowColumnsQuery",
})  # fmt: skip

#: What a statement's tree may be made of.
NODES = STATEMENTS | {
    "ArrayJoin", "Asterisk", "ColumnsApplyTransformer", "ColumnsExceptTransformer", "ColumnsListMatcher",
    "ColumnsRegexpMatcher", "ColumnsReplaceTransformer", "ColumnsReplaceTransformerReplacement",
    "ColumnsTransformerList", "DataType", "ExpressionList", "Function", "Identifier", "InterpolateElement",
    "Literal", "NameTypePair", "OrderByElement", "QualifiedAsterisk", "QualifiedColumnsListMatcher",
    "QualifiedColumnsRegexpMatcher", "QueryParameter", "SampleRatio", "SelectQuery", "SetQuery",
    "Subquery", "TableExpression", "TableIdentifier", "TableJoin", "TablesInSelectQuery",
    "TablesInSelectQueryElement", "WindowDefinition", "WindowListElement", "WithElement",
}  # fmt: skip

#: Table functions that make rows out of their arguments or of a query that the guard walks. All others read
#: files, networks or commands, or run a text as a query.
TABLE_FUNCTIONS = frozenset({
    "generate_series", "generaterandom", "generateseries", "null", "numbers", "numbers_mt", "primes", "values",
    "view", "zeros", "zeros_mt",
})  # fmt: skip

#: Functions (small letters; their aliases are added at start) that reach beyond the tables.
FUNCTIONS = {
    "file": "reads any file of the machine",
    "filesystemavailable": "looks at the machine's disks",
    "filesystemcapacity": "looks at the machine's disks",
    "filesystemunreserved": "looks at the machine's disks",
    "showcertificate": "reads the server's certificate",
    "getoskernelversion": "tells about the machine",
    "addresstoline": "reads the program's memory map",
    "addresstolinewithinlines": "reads the program's memory map",
    "addresstosymbol": "reads the program's memory map",
    "demangle": "an introspection function",
    "logtrace": "writes to the server's log",
    "generateserialid": "writes a counter",
    "catboostevaluate": "loads a model from a file",
    "reversednsquery": "asks the network",
    "zookeepersessionuptime": "asks a coordinator",
    "evalmlmethod": "runs a stored model",
    "naivebayesclassifier": "loads a model from a file",
    "naivebayesclassifierwithprob": "loads a model from a file",
    "naivebayesclassifierwithallprobs": "loads a model from a file",
    "lemmatize": "loads a dictionary from a file",
    "synonyms": "loads a dictionary from a file",
    "aiclassify": "sends data to a network service",
    "aiembed": "sends data to a network service",
    "aiextract": "sends data to a network service",
    "aifilter": "sends data to a network service",
    "aigenerate": "sends data to a network service",
    "airedact": "sends data to a network service",
    "aisimilarity": "sends data to a network service",
    "aitranslate": "sends data to a network service",
    "regionhierarchy": "loads a dictionary from a file",
    "regionin": "loads a dictionary from a file",
    "regiontoarea": "loads a dictionary from a file",
    "regiontocity": "loads a dictionary from a file",
    "regiontocontinent": "loads a dictionary from a file",
    "regiontocountry": "loads a dictionary from a file",
    "regiontodistrict": "loads a dictionary from a file",
    "regiontoname": "loads a dictionary from a file",
    "regiontopopulation": "loads a dictionary from a file",
    "regiontotopcontinent": "loads a dictionary from a file",
}

#: Output formats that need a file or a schema of the machine, or speak a protocol instead of giving a result.
FORMATS_REFUSED = frozenset({
    "Template", "CapnProto", "Protobuf", "ProtobufSingle", "ProtobufList", "MySQLWire", "PostgreSQLWire",
    "AvroConfluent", "Dataframe", "DataFrame", "DataStore", "ArrowTable", "Buffers",
})  # fmt: skip

FORMATS_REFUSED_LOWER = frozenset(name.lower() for name in FORMATS_REFUSED)

#: Settings that a reader may change, by SETTINGS or in the address. None of them holds an expression, a path or
#: another language (as additional_result_filter, format_schema and dialect do).
SETTINGS = frozenset({
    "aggregate_functions_null_for_empty", "any_join_distinct_right_table_keys",
    "asterisk_include_alias_columns", "asterisk_include_materialized_columns", "cast_keep_nullable",
    "date_time_input_format", "date_time_output_format", "do_not_merge_across_partitions_select_final",
    "extremes", "final", "force_index_by_date", "force_primary_key", "format_csv_delimiter",
    "format_csv_null_representation", "format_tsv_null_representation", "group_by_overflow_mode",
    "group_by_use_nulls", "join_algorithm", "join_default_strictness", "join_use_nulls", "limit",
    "max_block_size", "max_bytes_to_read", "max_recursive_cte_evaluation_depth", "max_result_bytes",
    "max_result_rows", "max_rows_to_group_by", "max_rows_to_read", "max_threads", "offset",
    "optimize_move_to_prewhere", "optimize_read_in_order", "optimize_use_projections",
    "prefer_column_name_to_alias", "prefer_localhost_replica", "read_overflow_mode", "result_overflow_mode",
    "session_timezone", "short_circuit_function_evaluation", "timeout_overflow_mode", "totals_mode",
    "transform_null_in", "union_default_mode", "use_skip_indexes",
})  # fmt: skip
#: Settings that a reader may lower only.
CAPPED = frozenset({"max_execution_time", "max_memory_usage"})
SETTINGS_PREFIX = "output_format_"
#: Names a file that the engine writes.
SETTINGS_REFUSED = frozenset({"output_format_schema"})

#: Parameters of ClickHouse's HTTP interface that the engine behind it never sees.
HTTP_SETTINGS = frozenset({
    "add_http_cors_header", "buffer_size", "cancel_http_readonly_queries_on_client_close",
    "enable_http_compression", "http_headers_progress_interval_ms", "http_response_buffer_size",
    "http_wait_end_of_query", "http_write_exception_in_output_format", "http_zlib_compression_level",
    "max_query_size", "readonly", "send_progress_in_http_headers", "wait_end_of_query",
})  # fmt: skip
