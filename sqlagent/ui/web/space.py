"""Serve the page in a Hugging Face Space: `app.py` there is one call of `launch`.

The Space's server is Gradio's; the application behind it is the same as at home. Gradio's own addresses (files,
proxy, uploads, queue, docs) are never reached: every request goes to the page's door, but the one that Gradio sends
itself while it starts.
"""

from __future__ import annotations

import os
from typing import Any

from sqlagent.ui.web import command, serve
from sqlagent.ui.web.desk import Settings
from sqlagent.ui.web.door import App, Door, Guarded, Receive, Scope, Send

STARTUP = "/gradio_api/startup-events"
FRAMES = "https://huggingface.co"
"""A Space is shown in a frame of the hub's page."""
UPLOAD_MB = 50


def door() -> Door:
    """The door of a Space: its public name, this computer's own, and addresses, by which the hub looks after it."""
    public = os.environ.get("SPACE_HOST", "").lower()
    return Door(frozenset({*serve.LOOPBACK, *([public] if public else [])}), any_address=True, frames=FRAMES)


def hosted(app: App, at: Door) -> Any:
    """A `gradio.Server` that sends every request to `app`, behind a door."""
    import gradio

    page = Guarded(app, at)

    class Host(gradio.Server):  # type: ignore[misc, unused-ignore]
        """Gradio's server with its own addresses closed."""

        started = False

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            client = (scope.get("client") or ("",))[0]
            own = scope.get("path") == STARTUP and not self.started and client in serve.LOOPBACK
            if scope["type"] == "lifespan" or own:
                await super().__call__(scope, receive, send)
            else:
                await page(scope, receive, send)

    return Host(docs_url=None, redoc_url=None, openapi_url=None)


def launch(model: Any = None, *, host: str = "0.0.0.0", port: int = 7860, wait: bool = True) -> Any:
    """Serve the demonstration, and whatever visitors drop, until the process ends.

    wait=False returns (server, end), where end() takes it down.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    server = serve.Server(
        Settings(model=model), [command.demonstration()], anywhere=False, upload_mb=UPLOAD_MB
    )
    opened = serve.opened(server)
    made = hosted(opened.__enter__(), door())
    try:
        made.launch(
            server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, share=False, ssr_mode=False,
            mcp_server=False, run_history=False, enable_monitoring=False, pwa=False, footer_links=[], _frontend=False,
        )  # fmt: skip
        made.started = True
    except BaseException:
        opened.__exit__(None, None, None)
        raise

    def end() -> None:
        made.blocks.close(verbose=False)
        opened.__exit__(None, None, None)

    if not wait:
        return made, end
    try:
        made.blocks.block_thread()
    finally:
        end()
    return None
