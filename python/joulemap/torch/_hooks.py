"""Forward hooks that mark when each module begins and ends."""

from __future__ import annotations

import threading
from typing import Any, Callable, List, Optional, Sequence, Tuple

from joulemap.torch._modules import Unit

# (unit, begin, end): marks of a clock
Call = Tuple[int, Any, Any]


class Hooks:
    """`with Hooks(units, mark) as h:` h.calls fills as the model runs; take() empties it. Removed at the end, whatever
    happens. Each thread (of DataParallel) has a stack of its own."""

    def __init__(self, units: Sequence[Unit], chosen: Sequence[int], mark: Callable[[], Any]) -> None:
        self._units, self._chosen, self._mark = units, chosen, mark
        self._handles: List[Any] = []
        self._local = threading.local()
        self.calls: List[Call] = []
        self.failed: List[int] = []

    def _stack(self) -> List[Tuple[int, Any]]:
        stack: Optional[List[Tuple[int, Any]]] = getattr(self._local, "stack", None)
        if stack is None:
            stack = self._local.stack = []
        return stack

    def _before(self, i: int) -> Callable[..., None]:
        mark, stack_of = self._mark, self._stack

        def hook(_module: Any, _args: Any) -> None:
            stack_of().append((i, mark()))

        return hook

    def _after(self, i: int) -> Callable[..., None]:
        mark, stack_of, calls = self._mark, self._stack, self.calls

        def hook(_module: Any, _args: Any, _output: Any) -> None:
            end = mark()
            stack = stack_of()
            # A module whose forward raised, and was caught by its parent, never came to its end.
            while stack:
                j, begin = stack.pop()
                if j == i:
                    calls.append((i, begin, end))
                    return

        return hook

    def __enter__(self) -> "Hooks":
        try:
            for i in self._chosen:
                module = self._units[i].module
                try:
                    self._handles.append(module.register_forward_pre_hook(self._before(i)))
                    self._handles.append(module.register_forward_hook(self._after(i)))
                except (RuntimeError, AttributeError):
                    self.failed.append(i)  # a scripted module of a version that takes no hooks
        except BaseException:
            self.remove()
            raise
        return self

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def __exit__(self, *_: object) -> None:
        self.remove()

    def take(self) -> List[Call]:
        """Gives the calls since the last take; forgets what never ended."""
        taken = self.calls[:]
        self.calls.clear()
        self._stack().clear()
        return taken
