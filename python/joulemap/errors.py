"""What can go wrong, as exceptions: JoulemapError and one subclass for each code of the C library."""

from __future__ import annotations

from typing import Dict, Type


class JoulemapError(Exception):
    """What failed, on what, and what to try.

    code is that of the C library (JM_E_...), or 0 where the error arose in Python; remedy may be empty."""

    code: int = 0

    def __init__(self, message: str, remedy: str = "", code: int = 0) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message}\ntry: {self.remedy}" if self.remedy else self.message


class LibraryError(JoulemapError):
    """libjoulemap.so was not found, cannot be loaded, or is of another version."""


class NotFoundError(JoulemapError):
    """A sensor, file or name that is not there."""

    code = -6


class DeniedError(JoulemapError):
    """The system does not permit it; remedy says what would."""

    code = -7


class InvalidError(JoulemapError, ValueError):
    """An argument that cannot be."""

    code = -5


class AlreadyExistsError(JoulemapError):
    """The recording is there already."""

    code = -11


class FormatError(JoulemapError):
    """A file that is damaged, or no recording."""

    code = -9


class UnsupportedError(JoulemapError):
    """Not possible here."""

    code = -8


_BY_CODE: Dict[int, Type[JoulemapError]] = {
    kind.code: kind
    for kind in (NotFoundError, DeniedError, InvalidError, AlreadyExistsError, FormatError, UnsupportedError)
}


def error_of(code: int, message: str, remedy: str) -> JoulemapError:
    """Gives the exception for a code of the C library."""
    return _BY_CODE.get(code, JoulemapError)(message, remedy, code)
