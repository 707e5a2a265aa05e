"""Whether outputs of jobs can be stored and read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from liface.dispatch.site_check.finding import Finding, failed, ok
from liface.workflows.decorators import LARGE_DATA

if TYPE_CHECKING:
    from jobflow import JobStore

BLOB_KEY = "blob_uuid"
LARGE = 100_000


def check_outputs(store: JobStore, where: str) -> Finding:
    """Write, read and delete an output with large data, as a calculation job does; errors of drivers get through."""
    uuid, output = f"liface-check-{uuid4().hex}", {"calculations": [0.5] * LARGE, "calc_ids": ["one"]}
    store.connect()
    try:
        with _removed(store, uuid):
            store.update(
                {"uuid": uuid, "index": 1, "output": output, "metadata": {}}, save={LARGE_DATA: "calculations"}
            )
            kept: Any = store.query_one({"uuid": uuid}, load=False)
            whole = store.query_one({"uuid": uuid}, load=True)
    finally:
        store.close()
    if whole is None or whole["output"] != output:
        return failed(f"{where}: an output was written but reads differently", "look at the stores in jobflow.yaml")
    if BLOB_KEY not in kept["output"]["calculations"]:
        return failed(
            f"{where}: large data stays in the document", f"describe additional_stores.{LARGE_DATA} in jobflow.yaml"
        )
    return ok(f"{where}: an output with large data was written, read and deleted")


@contextmanager
def _removed(store: Any, uuid: str) -> Iterator[None]:
    """Remove an output afterwards with its blob; GridFS finds a blob by its own identity only."""
    try:
        yield
    finally:
        written: Any = store.query_one({"uuid": uuid}, load=False)
        if written is not None:
            blob = written["output"]["calculations"]
            if isinstance(blob, dict) and BLOB_KEY in blob:
                store.additional_stores[LARGE_DATA].remove_docs({BLOB_KEY: blob[BLOB_KEY]})
            store.docs_store.remove_docs({"uuid": uuid})
