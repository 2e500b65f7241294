"""Says to a joulemap service (joulemap serve) what this program did, so that there are joules per inference.

    items = joulemap.Items("inference")
    for batch in batches:
        model(batch)
        items.add(len(batch))

Counting costs a lock; a thread sends once a second. A service that is not there disturbs nobody: what could not be said is said
later, and Items.error has the reason."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import threading
import urllib.parse
from typing import Any, Dict, Optional

from joulemap.errors import InvalidError, JoulemapError, NotFoundError

#: Of one message, as the service takes it.
_COUNT_MAX = 1_000_000_000


class Items:
    """Counts items of one name. For threads: any; a forked child counts for itself, from none.

    item: letters, digits and _ . : / -
    url, token: of the service; else JOULEMAP_URL, http://127.0.0.1:7373, and JOULEMAP_TOKEN.
    by_process: this process comes under watch, and its items stand beside its energy. Not where the service knows it by
    another number (from inside a container).
    pod: uid of the Kubernetes pod; else JOULEMAP_POD. It takes the place of the process.
    period: seconds between messages."""

    def __init__(
        self,
        item: str = "inference",
        *,
        url: Optional[str] = None,
        token: Optional[str] = None,
        by_process: bool = True,
        pod: Optional[str] = None,
        period: float = 1.0,
    ) -> None:
        address = urllib.parse.urlsplit(url or os.environ.get("JOULEMAP_URL") or "http://127.0.0.1:7373")
        if address.scheme != "http" or not address.hostname:
            raise InvalidError(f"{address.geturl()!r} is no address of a service", "http://HOST:PORT")
        if not period > 0:
            raise InvalidError("the period must be above zero")
        self.item = item
        #: Items that the service has counted.
        self.told = 0
        #: Why the last message did not arrive; None: it did.
        self.error: Optional[JoulemapError] = None
        self._host, self._port = address.hostname, address.port or 80
        self._token = token or os.environ.get("JOULEMAP_TOKEN")
        self._pod = pod or os.environ.get("JOULEMAP_POD")
        self._by_process = by_process
        self._period = period
        self._begin()
        atexit.register(self.close)

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()  # of _count
        self._sending = threading.Lock()  # one message at a time
        self._count = 0
        self._wake = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._is_closed = False

    def add(self, count: int = 1) -> None:
        """Counts; sent within the period."""
        if count < 0:
            raise InvalidError("items cannot be undone")
        if os.getpid() != self._owner:  # the thread stayed with the parent
            self.told = 0
            self._begin()
        with self._lock:
            self._count += count
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="joulemap-items", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Sends now. Raises a JoulemapError where that fails; nothing is lost then."""
        with self._sending:
            while True:
                with self._lock:
                    count = min(self._count, _COUNT_MAX)
                    self._count -= count
                if count == 0:
                    return
                try:
                    self._send(count)
                except JoulemapError as error:
                    with self._lock:
                        self._count += count
                    self.error = error
                    raise
                self.told += count
                self.error = None

    def close(self) -> None:
        """Sends what is left, and ends. Does not raise: error says what failed."""
        if self._is_closed or os.getpid() != self._owner:
            return
        self._is_closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        atexit.unregister(self.close)
        self._try_flush()

    def __enter__(self) -> Items:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _run(self) -> None:
        while not self._wake.wait(self._period):
            self._try_flush()

    def _try_flush(self) -> None:
        try:
            self.flush()
        except JoulemapError:
            pass  # kept in error, and the count for the next time

    def _send(self, count: int) -> None:
        body: Dict[str, Any] = {"count": count, "item": self.item}
        headers = {"Content-Type": "application/json"}
        if self._pod:
            body["pod"] = self._pod
        elif self._by_process:
            body["pid"] = self._owner
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        connection = http.client.HTTPConnection(self._host, self._port, timeout=5)
        try:
            connection.request("POST", "/items", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise NotFoundError(f"no service at {self._host}:{self._port}: {error}", "joulemap serve") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise _refusal(answer.status, text)


def _refusal(status: int, text: str) -> JoulemapError:
    try:
        why = json.loads(text)["error"]
        return InvalidError(str(why["message"]), str(why.get("remedy") or ""))
    except (ValueError, KeyError, TypeError):
        return InvalidError(f"the service answered {status}")
