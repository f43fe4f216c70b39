"""What may a report of an unexpected error show? No secret, on a developer's machine as little as anywhere else."""

from __future__ import annotations

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class ErrorReportFilter(SafeExceptionReporterFilter):
    """Django's own filter rests while DEBUG is on."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True
