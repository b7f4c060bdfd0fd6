"""Reports: validated statements as documents that a manager prints and an ecologist checks, call by call."""

from rab.reports.files import ReportFiles, check_files, read_report, write_report
from rab.reports.pages import render_html, render_json, render_markdown, render_page, report_schema
from rab.reports.pdf import render_pdf
from rab.reports.report import CallMedia, Media, NoMedia, Passage, Question, RecordingLicence, Report

__all__ = [
    "CallMedia",
    "Media",
    "NoMedia",
    "Passage",
    "Question",
    "RecordingLicence",
    "Report",
    "ReportFiles",
    "check_files",
    "read_report",
    "render_html",
    "render_json",
    "render_markdown",
    "render_page",
    "render_pdf",
    "report_schema",
    "write_report",
]
