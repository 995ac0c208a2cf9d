"""The commands by which people have their say: ``attest`` and ``waive``. Their work is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditor.commands.options import (
    DateOption,
    DbOption,
    InventoryArgument,
    JsonOption,
    LangOption,
    ProfileOption,
    as_day,
)
from auditor.i18n import _


def register(app: typer.Typer) -> None:
    """Make them commands of the program."""
    app.command()(attest)
    app.command()(waive)


def attest(
    inventory: InventoryArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Phiếu hỏi Excel / the questionnaire to write.")] = None,
    filled: Annotated[Path | None, typer.Option("--in", help="Phiếu đã điền / one that was filled in.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="In câu hỏi cần trả lời / print open questions.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Chỉ xem, không ghi / write nothing.")] = False,
    system: Annotated[list[str] | None, typer.Option("--system", help="Chỉ hệ thống / only this system.")] = None,
    agency: Annotated[list[str] | None, typer.Option("--agency", help="Chỉ đơn vị / only this agency.")] = None,
    run: Annotated[
        str | None, typer.Option("--run", help="Đối chiếu với lần kiểm tra / contradicted by: RUN or run.json.")
    ] = None,
    profile: ProfileOption = None,
    date: DateOption = None,
    as_json: JsonOption = False,
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """Hỏi và nhận câu trả lời của con người / ask people what no machine can see."""
    from auditor.commands import attest as command

    if (out is not None) + (filled is not None) + listed > 1:
        from auditor.model import CapdoError

        raise CapdoError(_("choose one of --out, --in, --list"))
    asking = command.Asking(inventory, system or (), agency or (), profile, as_day(date), run, db)
    if out is not None:
        command.sheet(asking, out)
    elif filled is not None:
        command.take(asking, filled, dry_run)
    else:
        command.listed(asking, as_json)


def waive(
    inventory: InventoryArgument,
    rule: Annotated[str | None, typer.Option("--rule", help="Quy tắc / the rule; without it: list all.")] = None,
    target: Annotated[list[str] | None, typer.Option("--target", help="Mục tiêu / target.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Nhóm / group.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Thẻ / tag.")] = None,
    instance: Annotated[str | None, typer.Option("--instance", help="Chỉ một đối tượng con / one instance.")] = None,
    reason_class: Annotated[
        str | None,
        typer.Option("--reason-class", help="accepted-risk | compensating-control | not-relevant"),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Lý do / why.")] = None,
    proof: Annotated[
        str | None,
        typer.Option("--compensating", help="Quy tắc chứng minh biện pháp tương đương / RULE or RULE@TARGET."),
    ] = None,
    requester: Annotated[str | None, typer.Option("--requester", help="Người đề nghị / who asks.")] = None,
    approver: Annotated[str | None, typer.Option("--approver", help="Người phê duyệt / who grants.")] = None,
    document: Annotated[str | None, typer.Option("--document", help="Số văn bản / document number.")] = None,
    document_date: Annotated[str | None, typer.Option("--document-date", help="2026-11-22")] = None,
    since: Annotated[str | None, typer.Option("--from", help="2026-11-22")] = None,
    until: Annotated[str | None, typer.Option("--until", help="2027-03-31, hết ngày / the whole day.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Chỉ xem, không ghi / write nothing.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Liệt kê cả những gì ổn / list what is fine too.")] = False,
    run: Annotated[
        str | None, typer.Option("--run", help="Theo lần kiểm tra / as found by RUN or run.json; else the newest.")
    ] = None,
    profile: ProfileOption = None,
    date: DateOption = None,
    as_json: JsonOption = False,
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """Chấp nhận có thời hạn một lỗi, hoặc liệt kê / accept a fail for a time, or list what was accepted."""
    from auditor.commands import waive as command
    from auditor.commands.attest import Asking

    if rule is None:
        asking = Asking(inventory, profile=profile, day=as_day(date), run=run, db=db)
        command.waivers(asking, as_json, everything)
        return
    at, _at, where = (proof or "").partition("@")
    given = {
        "rule": rule,
        "targets": target,
        "groups": group,
        "tags": tag,
        "instance": instance,
        "reason_class": reason_class,
        "reason": reason,
        "compensating": {"rule": at, **({"target": where} if where else {})} if proof else None,
        "requester": requester,
        "approver": approver,
        "document": {key: value for key, value in (("no", document), ("date", document_date)) if value},
        "from": since,
        "until": until,
    }
    command.waive(inventory, given, dry_run)
