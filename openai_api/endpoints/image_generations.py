"""What does `POST /v1/images/generations` ask for? Pictures made from a prompt."""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.image_call import image_call
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_image import PromptedRequest


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    return image_call(inbound, Capability.IMAGE_GENERATION, Wire.OPENAI_IMAGE, PromptedRequest)
