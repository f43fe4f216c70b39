"""The codec of OpenAI's Responses API."""

from providers.wire.openai.told_failure import failure_of
from providers.wire.openai_responses.codec.answers.decode import decode_answer
from providers.wire.openai_responses.codec.answers.encode import encode_answer
from providers.wire.openai_responses.codec.requests.decode import decode_request
from providers.wire.openai_responses.codec.requests.encode import encode_request
from providers.wire.openai_responses.codec.streams import decode, encode
from providers.wire.openai_responses.codec.words import WIRE
from providers.wire.openai_responses.relay import frame_of

wire, id_prefix, closing = WIRE, "resp", b""
stream_decoder, stream_encoder = decode.StreamDecoder, encode.StreamEncoder
__all__ = ["decode_answer", "decode_request", "encode_answer", "encode_request", "failure_of", "frame_of"]
