"""A self-contained HTML report of a campaign, with its tables for the terminal."""

from liface.report.page import ReportFiles, write_report
from liface.report.summary import summary_table
from liface.report.tables import Column, render_table

__all__ = ["Column", "ReportFiles", "render_table", "summary_table", "write_report"]
