"""Which texts are told from others without a pattern of the operator's? Sets of patterns, some with a check of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

Check = Callable[[str], bool]


class Known(NamedTuple):
    """A pattern; `check` says of what it finds whether that is meant."""

    pattern: str
    check: Check | None = None


def passes_luhn(text: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in text if digit.isascii() and digit.isdigit()]
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def passes_mod_97(text: str) -> bool:
    """Whether an IBAN's check digits are right (ISO 13616)."""
    packed = text.replace(" ", "").upper()
    moved = packed[4:] + packed[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


def _is_ssn(text: str) -> bool:
    area, group, serial = text[:3], text[4:6], text[7:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


_KEY = r"(?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"

SETS: Mapping[str, tuple[Known, ...]] = MappingProxyType(
    {
        "email": (Known(r"(?<![\w.+%-])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"),),
        "credit_card": (Known(r"(?<![\d.-])(?:\d[ -]?){12,18}\d(?!\d)", passes_luhn),),
        "phone": (
            Known(r"(?<![\w+.-])\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}(?!\w)"),
            Known(r"(?<![\w+.-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\w)"),
        ),
        "us_ssn": (Known(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", _is_ssn),),
        "iban": (Known(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", passes_mod_97),),
        "ip_address": (
            Known(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)"),
            Known(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:])"),
        ),
        "aws_key": (
            Known(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AIDA|AROA|AIPA|ANPA|ANVA|A3T[A-Z0-9])[A-Z2-7]{16}(?![A-Za-z0-9])"),
            Known(
                r"(?i:aws_?secret_?(?:access_?)?key|secretaccesskey)[\"']?\s{0,8}[:=]\s{0,8}[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
            ),
        ),
        "api_key": (
            Known(r"(?<![A-Za-z0-9])sk-(?:[a-z]{2,12}[0-9]{0,2}-)?[A-Za-z0-9_-]{20,240}"),
            Known(r"(?<![A-Za-z0-9])(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,120}"),
            Known(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}"),
            Known(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}"),
            Known(r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{22,255}"),
            Known(r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,64}"),
            Known(r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,250}"),
            Known(r"(?<![A-Za-z0-9])(?:hf|gsk|npm|dop_v1|shpat|xai|pypi)[_-][A-Za-z0-9_-]{30,200}"),
        ),
        "jwt": (Known(r"(?<![\w.-])eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000}"),),
        "private_key": (
            Known(
                rf"-----BEGIN {_KEY}[A-Za-z0-9+/=:,.\s\\-]{{0,16000}}?"
                rf"(?:-----END {_KEY}|(?=[^A-Za-z0-9+/=:,.\s\\-])|\Z)"
            ),
        ),
    }
)
"""Name → patterns. All are bounded, so that what may be the beginning of one is not held for long."""
