"""HTTP clients: trace and run on each request that they send, whichever way it was made."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from headwater.producer.trace.headers import http_headers

C = TypeVar("C")


def with_requests(session: C, *, run: bool = True) -> C:
    """A `requests.Session` that sends trace and run with each request; the session itself, given back.

    It wraps the adapters that are mounted now. `run=False`: without the run's id.
    """
    adapters = cast("dict[str, Any]", cast("Any", session).adapters)
    for prefix, adapter in list(adapters.items()):
        if not isinstance(adapter, _Adapter):
            adapters[prefix] = _Adapter(adapter, run=run)
    return session


def with_httpx(client: C, *, run: bool = True) -> C:
    """An `httpx.Client` or `httpx.AsyncClient` that sends trace and run with each request; the client, given back."""

    def hook(request: Any) -> None:
        http_headers(request.headers, run=run)

    async def async_hook(request: Any) -> None:
        hook(request)

    untyped: Any = client  # httpx is not imported here
    hooks = cast("dict[str, list[Any]]", untyped.event_hooks)
    added = async_hook if hasattr(client, "aclose") else hook
    untyped.event_hooks = {**hooks, "request": [*hooks.get("request", []), added]}
    return client


class _Adapter:
    """A transport adapter of requests that adds headers to what passes through another."""

    def __init__(self, adapter: Any, *, run: bool) -> None:
        self._adapter = adapter
        self._run = run

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        http_headers(request.headers, run=self._run)
        return self._adapter.send(request, *args, **kwargs)

    def close(self) -> None:
        self._adapter.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also while it is unpickled, when the adapter is not there yet
            raise AttributeError(name)
        return getattr(self._adapter, name)
