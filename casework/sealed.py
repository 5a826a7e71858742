"""A value that a letter may know of and must not print."""

from __future__ import annotations

from typing import NoReturn


class Unprintable(Exception):
    """Somebody tried to print a sealed value.

    Neither an AttributeError nor a TypeError nor a LookupError: templates swallow those.
    """

    def __init__(self, key: str, exposure: str) -> None:
        super().__init__(f"{key} is {exposure}")
        self.key = key
        self.exposure = exposure


class Sealed:
    """Stands in a letter's context for a value that is kept out of it: true where there is one, and nothing else.

    Every other use raises :class:`Unprintable`: as text, in HTML, counted, compared, joined or searched.
    The value itself is not in here, so that nothing can get it out.
    """

    __slots__ = ("_exposure", "_key", "_there")

    def __init__(self, key: str, exposure: str, there: bool) -> None:
        self._key = key
        self._exposure = exposure
        self._there = there

    def __bool__(self) -> bool:
        return self._there

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise Unprintable(self._key, self._exposure)

    __getattr__ = _refuse
    __str__ = __repr__ = __format__ = __html__ = __bytes__ = __fspath__ = _refuse
    __iter__ = __reversed__ = __len__ = __getitem__ = __contains__ = __call__ = _refuse
    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __sub__ = __rsub__ = _refuse
    __int__ = __float__ = __index__ = __complex__ = __round__ = __reduce_ex__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse
