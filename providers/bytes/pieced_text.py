"""How does a text grow that comes in pieces? In a list: to add each piece to the text would copy all that came before it."""

from __future__ import annotations


class PiecedText:
    """`str` joins the pieces, `len` counts their characters, `end` is the last character that is no blank."""

    __slots__ = ("_length", "_pieces", "end")

    def __init__(self, text: str = "") -> None:
        self._pieces: list[str] = []
        self._length = 0
        self.end = ""
        self.add(text)

    def __len__(self) -> int:
        return self._length

    def __str__(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def add(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)
            self._length += len(piece)
            self.end = piece.rstrip()[-1:] or self.end
