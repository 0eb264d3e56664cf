"""`fast-style web`: writes or serves the browser page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import note, stderr
from fast_style.cli.options import Parents, Quiet

Model = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="NAME",
        help="Name or path of a model; repeatable. By default every model that has a name.",
    ),
]  # fmt: skip
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Folder to write the page to: new, empty, or that of an earlier page."
    ),
]
Serve = Annotated[bool, typer.Option("--serve", help="Serve the page on this machine; without -o no copy is kept.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to serve the page at; 0 takes any free one.")]
Browse = Annotated[bool, typer.Option("--open", help="Open the page in a browser; needs --serve.")]
Cdn = Annotated[
    bool,
    typer.Option("--cdn", help="Let the page load onnxruntime-web from a public server, not from its own folder."),
]
Install = Annotated[
    bool,
    typer.Option(
        "--install", help="Fetch onnxruntime-web from npm into the cache (33 MB, once), and check its checksums."
    ),
]
Url = Annotated[str | None, typer.Option(help="Address of that package, if not npm's own: an http, https or file URL.")]


def web(
    model: Model = None,
    output: Output = None,
    serve: Serve = False,
    port: Port = 8000,
    browse: Browse = False,
    cdn: Cdn = False,
    install: Install = False,
    url: Url = None,
    parents: Parents = False,
    quiet: Quiet = False,
) -> None:
    """Write a static page that runs models in a browser, on the visitor's own camera and photos."""
    from fast_style.errors import UNSET, ConfigError
    from fast_style.system.results import ResultPolicy
    from fast_style.web import runtime
    from fast_style.web.site import write_site

    if browse and not serve:
        raise ConfigError(
            "shows a page that is served", setting="browse", remedy="add {serve}", suggestions={"serve": UNSET}
        )
    if install:
        folder = runtime.PACKAGE.install(url=url, console=stderr, quiet=quiet)
        if output is None and not serve:
            print(folder)
            return
    if output is not None:
        ResultPolicy(parents=parents).check_folder(output)
    if serve:
        from fast_style.web.server import serve_site

        serve_site(model or [], output, cdn=cdn, port=port, browse=browse, console=stderr, quiet=quiet)
    elif output is not None:
        site = write_site(model or [], output, cdn=cdn)
        note(str(site), quiet=quiet)
        print(output)
    else:
        raise ConfigError(
            "nothing to do",
            remedy="give {output} to write the page, {serve} to look at it, or {install}",
            suggestions={"output": "DIR", "serve": UNSET, "install": UNSET},
        )
