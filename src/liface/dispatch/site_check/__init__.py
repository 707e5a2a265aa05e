"""Proof that a site works, link by link: :func:`liface.dispatch.site_check.plan.site_checks` makes the checks.

Each check is a small function that says whether a link holds, and what to do where it does not; one that fails stops
only those that rest on it.
"""
