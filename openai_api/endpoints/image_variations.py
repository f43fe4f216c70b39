"""What does `POST /v1/images/variations` ask for? Pictures that are like one."""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.image_call import image_call
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_image import ImageRequest


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    return image_call(inbound, Capability.IMAGE_VARIATION, Wire.OPENAI_IMAGE_VARIATION, ImageRequest, sources=True)
