"""``rules`` on the command line: declared here, done in ``auditor.commands.rules`` when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditor.commands.options import DbOption, FileOption, JsonOption, LangOption, ProfileOption

rules_app = typer.Typer(no_args_is_help=True, help="Yêu cầu và quy tắc / requirements and rules.")


@rules_app.command("list")
def rules_list(profile: ProfileOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Liệt kê yêu cầu và quy tắc / list requirements, each with its rules."""
    from auditor.commands import rules

    rules.rules_list(profile, as_json)


@rules_app.command("show")
def rules_show(
    clause: Annotated[str, typer.Argument(metavar="CLAUSE", help="Mã hoặc điều khoản / id or clause number.")],
    profile: ProfileOption = None,
    as_json: JsonOption = False,
    file: FileOption = None,
    lang: LangOption = None,
) -> None:
    """Một yêu cầu / one requirement with its clauses, parameters and rules."""
    from auditor.commands import rules

    rules.rules_show(clause, profile, as_json, file)


@rules_app.command("lint")
def rules_lint(profile: ProfileOption = None, lang: LangOption = None) -> None:
    """Soát lỗi gói quy tắc / find mistakes in rule packs."""
    from auditor.commands import rules

    rules.rules_lint(profile)


@rules_app.command("on")
def rules_on(
    inventory: Annotated[Path, typer.Argument(metavar="INVENTORY")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Mã đối tượng / id of a target.")],
    profile: ProfileOption = None,
    day: Annotated[str | None, typer.Option("--date", help="Ngày / day, 2026-11-22.", show_default=False)] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Quy tắc nào áp dụng cho một đối tượng, vì sao / which rules fall on a target, and why the others do not."""
    from auditor.commands import rules

    rules.rules_on(inventory, target, profile, day, as_json)


@rules_app.command("confirm")
def rules_confirm(
    clause: Annotated[str, typer.Argument(metavar="CLAUSE", help="Mã hoặc điều khoản / id or clause number.")],
    by: Annotated[str, typer.Option("--by", help="Ai đã đối chiếu / who checked it.")],
    document: Annotated[str, typer.Option("--document", help="Số hiệu văn bản gốc / number of the original.")],
    page: Annotated[str, typer.Option("--page", help="Trang / page.")],
    on: Annotated[str | None, typer.Option("--on", help="Ngày / day, 2026-11-22.", show_default=False)] = None,
    file: FileOption = None,
    profile: ProfileOption = None,
    lang: LangOption = None,
) -> None:
    """Ghi nhận đã đối chiếu với bản gốc / record that somebody checked it against the original."""
    from auditor.commands import rules

    rules.rules_confirm(clause, rules.Paper(by, document, page, on), profile, file)


@rules_app.command("diff")
def rules_diff(
    old: Annotated[str | None, typer.Argument(metavar="[A]", help="Gói / pack, pack@2026-07-01.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="[B]", help="Gói / pack, pack@2026-07-01.")] = None,
    days: Annotated[
        tuple[str, str] | None, typer.Option("--date", help="Hai ngày / two dates.", show_default=False)
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option("--evidence", help="Đánh giá theo cả hai / judge it under both.", show_default=False)
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", help="Bằng chứng của lần / evidence of this run.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """Khác nhau giữa hai gói hoặc hai ngày / what changes between two packs or dates."""
    from auditor.commands import rules

    rules.rules_diff(rules.Asked(old, new, days, evidence, run), as_json, db)
