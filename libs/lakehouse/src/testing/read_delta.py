"""Reads Delta tables with independent readers, for tests that compare. A JSON request a line in, a JSON answer a line out.

{"op": "export", "reader": "delta-rs" | "datafusion" | "polars", "table": folder, "version": n | null, "out": file}
{"op": "describe", "table": folder, "app": application id | null}
{"op": "append", "table": folder, "parquet": file}
"""
import json
import sys

import deltalake
import polars
import pyarrow
import pyarrow.parquet


def export(request):
    table, version = request["table"], request.get("version")
    if request["reader"] == "polars":
        polars.read_delta(table, version=version).write_parquet(request["out"])
        return {}
    opened = deltalake.DeltaTable(table, version=version)
    if request["reader"] == "delta-rs":
        rows = opened.to_pyarrow_table()
    else:
        rows = pyarrow.table(deltalake.QueryBuilder().register("t", opened).execute("select * from t").read_all())
    pyarrow.parquet.write_table(rows, request["out"])
    return {}


def describe(request):
    table = deltalake.DeltaTable(request["table"])
    app = request.get("app")
    return {
        "version": table.version(),
        "files": len(table.file_uris()),
        "columns": [field.name for field in table.schema().fields],
        "partitionColumns": table.metadata().partition_columns,
        "transaction": table.transaction_version(app) if app else None,
        "operations": [entry.get("operation") for entry in table.history()],
    }


def append(request):
    deltalake.write_deltalake(request["table"], pyarrow.parquet.read_table(request["parquet"]), mode="append")
    return {}


OPERATIONS = {"export": export, "describe": describe, "append": append}
print(json.dumps({"deltalake": deltalake.__version__, "polars": polars.__version__}), flush=True)
for line in sys.stdin:
    try:
        request = json.loads(line)
        answer = {"ok": True, **OPERATIONS[request["op"]](request)}
    except BaseException as error:
        answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
