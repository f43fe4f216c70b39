"""The codec of Converse of AWS Bedrock."""

from providers.wire.bedrock_converse.codec.answers.decode import decode_answer
from providers.wire.bedrock_converse.codec.answers.encode import encode_answer
from providers.wire.bedrock_converse.codec.framing import CLOSING, ID_PREFIX, frame_of
from providers.wire.bedrock_converse.codec.requests.decode import decode_request
from providers.wire.bedrock_converse.codec.requests.encode import encode_request
from providers.wire.bedrock_converse.codec.streams import decode, encode
from providers.wire.bedrock_converse.codec.words import WIRE
from providers.wire.bedrock_converse.errors import failure_of_told as failure_of

wire, id_prefix, closing = WIRE, ID_PREFIX, CLOSING
stream_decoder, stream_encoder = decode.StreamDecoder, encode.StreamEncoder
__all__ = ["decode_answer", "decode_request", "encode_answer", "encode_request", "failure_of", "frame_of"]
