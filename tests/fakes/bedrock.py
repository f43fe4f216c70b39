"""Which upstream plays AWS Bedrock? A `Vendor` that believes no signature but that which AWS's own library makes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from providers.bytes.event_stream import CONTENT_TYPE, event_frame
from tests.fakes.vendor import Answer, Said, Seen, said

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN=="
API_KEY = "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl"
SKEW = timedelta(minutes=5)
PROOF = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>\w+)/(?P<day>\d{8})/(?P<region>[\w-]+)/(?P<service>\w+)/aws4_request, "
    r"SignedHeaders=(?P<names>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
NEEDED = {"host", "x-amz-date"}


def refused(kind: str, message: str, status: int = 403) -> Said:
    """A failure as AWS tells it."""
    return said({"message": message}, status, x_amzn_ErrorType=f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/")


def guarded(answer: Callable[[Seen], Said], ahead: timedelta = timedelta()) -> Answer:
    """An answer for those alone who have proved who they are; `ahead` is how much the clock of AWS is in front of ours."""

    def checked(seen: Seen) -> Said:
        proof = seen.headers.get("authorization", "")
        if proof == f"Bearer {API_KEY}":
            return answer(seen)
        return _fault(seen, proof, datetime.now(UTC) + ahead) or answer(seen)

    return checked


def _fault(seen: Seen, proof: str, now: datetime) -> Said | None:
    found = PROOF.fullmatch(proof)
    if not found:
        return refused("AccessDeniedException", "Missing Authentication Token")
    if found["id"] != KEY_ID or found["service"] != "bedrock":
        return refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    if seen.headers.get("x-amz-security-token", TOKEN) != TOKEN:
        return refused("ExpiredTokenException", "The security token included in the request is expired")
    moment = seen.headers["x-amz-date"]
    signed_at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(now - signed_at) > SKEW:
        return refused("InvalidSignatureException", f"Signature expired: {moment} is now earlier than {now:%Y%m%dT%H%M%SZ}")
    names = found["names"].split(";")
    if set(names) >= NEEDED and _signature(seen, names, moment, found["region"]) == found["signature"]:
        return None
    told = f"The canonical request for this request should have been\n'x-amz-security-token:{TOKEN}'"
    return refused("InvalidSignatureException", f"The request signature we calculated does not match.\n\n{told}")


def _signature(seen: Seen, names: Sequence[str], moment: str, region: str) -> str:
    """What AWS's library says of the request as it came."""
    signer = SigV4Auth(Credentials(KEY_ID, SECRET), "bedrock", region)
    asked = AWSRequest(method=seen.method, url=f"http://{seen.headers['host']}{seen.path}", data=seen.body)
    for name in names:
        asked.headers[name] = seen.headers[name]
    asked.context["timestamp"] = moment
    made: str = signer.signature(signer.string_to_sign(asked, signer.canonical_request(asked)), asked)
    return made


# What it says


def converse(*content: Any, stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    """An answer of Converse."""
    usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 115, "cacheReadInputTokens": 60, "cacheWriteInputTokens": 40}
    message = {"role": "assistant", "content": list(content)}
    return {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 7}, **more}


def frames(*events: dict[str, Any]) -> list[bytes]:
    """The frames of events, `{"messageStart": {…}}`; a name that ends in Exception is one."""
    return [
        event_frame(name, json.dumps(payload).encode(), "exception" if name.endswith("Exception") else "event")
        for event in events
        for name, payload in event.items()
    ]


def text(value: str, index: int = 0) -> dict[str, Any]:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": {"text": value}, "p": "abcdefgh"}}


BEGIN: dict[str, Any] = {"messageStart": {"role": "assistant", "p": "ab"}}
OVER: dict[str, Any] = {"contentBlockStop": {"contentBlockIndex": 0}}
END: tuple[dict[str, Any], ...] = (
    OVER,
    {"messageStop": {"stopReason": "end_turn"}},
    {
        "metadata": {
            "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 75, "cacheReadInputTokens": 60},
            "metrics": {"latencyMs": 7},
        }
    },
)


def streamed(chunks: Sequence[bytes], **more: Any) -> Said:
    """A stream of these bytes."""
    return Said(content_type=CONTENT_TYPE.decode(), chunks=chunks, **more)
