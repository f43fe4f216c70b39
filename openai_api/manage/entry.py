"""Where do requests of programs enter? Here, and only then is the management API imported: a worker that nobody manages starts
without it."""

from __future__ import annotations

import re
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView

LIST = re.compile(r"^(/manage/v1/[a-z-]+)/$")
"""A list with a slash at its end; a name may end in one."""


@csrf_exempt
def manage(request: HttpRequest) -> HttpResponseBase:
    """Any request below /manage. There are no cookies here that another site could use: see `access.TokenAuthentication`."""
    from openai_api.manage.unknown import UnknownPath
    from openai_api.manage.urls import RESOLVER

    try:
        found: Any = RESOLVER.resolve(LIST.sub(r"\1", request.path_info))
    except Resolver404:
        found = UnknownPath.as_view(), (), {}
    view, args, kwargs = found
    answer: HttpResponseBase = view(request, *args, **kwargs)
    return answer


PAGES_CSP = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "worker-src": [SELF, "blob:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
}
"""Of the two pages that show the OpenAPI document: nothing from elsewhere, and no script that is not a file of ours."""
swagger = csp(PAGES_CSP)(TemplateView.as_view(template_name="openai_api/docs/swagger.html"))
redoc = csp(PAGES_CSP)(TemplateView.as_view(template_name="openai_api/docs/redoc.html"))
"""Open to everybody, as the landing page is: the document says what the documentation says, and nothing of this gateway."""
