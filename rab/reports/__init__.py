"""Reports: validated statements as documents that a manager prints and an ecologist checks, call by call."""

from rab.reports.files import ReportFiles, write_report
from rab.reports.pages import render_html, render_json, render_markdown, report_schema
from rab.reports.report import CallMedia, Media, NoMedia, RecordingLicence, Report

__all__ = [
    "CallMedia",
    "Media",
    "NoMedia",
    "RecordingLicence",
    "Report",
    "ReportFiles",
    "render_html",
    "render_json",
    "render_markdown",
    "report_schema",
    "write_report",
]
