"""MongoDB stand-in for tests; not a database.

A server on the loopback address that speaks enough of MongoDB's wire protocol for pymongo, FireWorks,
jobflow-remote and maggma, so that tests use the real clients from several processes. mongomock_ng keeps the
documents, in memory. Start one with `StandinProcess`, or by hand with `python -m mongo_standin --port 0`.
"""
