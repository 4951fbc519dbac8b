"""`shoal completion`: the script that a shell sources."""

from __future__ import annotations

import click


@click.command(short_help="Print the script that completes commands in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete shoal's commands and options.

    \b
    bash:  source <(shoal completion bash)
    zsh:   source <(shoal completion zsh)
    fish:  shoal completion fish | source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "shoal", "_SHOAL_COMPLETE").source())
