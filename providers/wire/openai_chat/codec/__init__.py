"""The codec of OpenAI's chat completions."""

from providers.wire.openai.told_failure import failure_of
from providers.wire.openai_chat.codec.answers.decode import decode_answer
from providers.wire.openai_chat.codec.answers.encode import encode_answer
from providers.wire.openai_chat.codec.framing import CLOSING, ID_PREFIX, frame_of
from providers.wire.openai_chat.codec.requests.decode import decode_request
from providers.wire.openai_chat.codec.requests.encode import encode_request
from providers.wire.openai_chat.codec.streams import decode, encode
from providers.wire.openai_chat.codec.words import WIRE

wire, id_prefix, closing = WIRE, ID_PREFIX, CLOSING
stream_decoder, stream_encoder = decode.StreamDecoder, encode.StreamEncoder
__all__ = ["decode_answer", "decode_request", "encode_answer", "encode_request", "failure_of", "frame_of"]
