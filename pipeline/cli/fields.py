"""`shoal fields`: all fields, with type, unit and meaning."""

from __future__ import annotations

import click

from pipeline.cli.errors import CommandError


@click.command(short_help="List all fields, with type and meaning.")
@click.argument("pattern", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def fields(pattern: str | None, as_json: bool) -> None:
    """List the fields of every table; with PATTERN, those whose name or meaning contains it.

    A pattern with * or ? must match the whole name: shoal fields 'tcp.options.*'
    """
    from pipeline.schema.docs import Field, all_fields, matches

    found: list[Field] = [f for f in all_fields() if pattern is None or matches(f, pattern)]
    if not found:
        raise CommandError(f"no field's name or meaning contains '{pattern}'; shoal fields lists all")
    if as_json:
        import json

        for field in found:
            click.echo(json.dumps(field.as_dict()))
        return
    rows = [(f.name, f.table, f.type, f.said) for f in found]
    name, table, kind = (max(len(row[i]) for row in rows) for i in range(3))
    click.echo("\n".join(f"{r[0]:<{name}}  {r[1]:<{table}}  {r[2]:<{kind}}  {r[3]}" for r in rows))
