"""The command line (design §7, fixed). Commands are declared here; their work is imported when they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from auditor.commands import people
from auditor.commands.options import (
    ChecksDirOption,
    ChecksOption,
    DateOption,
    DbOption,
    FailOn,
    FailOnOption,
    FormatOption,
    InventoryArgument,
    JsonOption,
    LangOption,
    LimitOption,
    OutOption,
    ProfileOption,
    WorkersOption,
    as_day,
)
from auditor.commands.rules_app import rules_app
from auditor.i18n import _, use

if TYPE_CHECKING:
    from auditor.pipeline import Wish

app = typer.Typer(
    name="capdo",
    help="Kiểm tra tuân thủ an toàn theo cấp độ / compliance auditor for security levels 1-5.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
inventory_app = typer.Typer(no_args_is_help=True, help="Danh mục mục tiêu / the inventory of targets.")
checks_app = typer.Typer(no_args_is_help=True, help="Các phép kiểm / the checks.")
runs_app = typer.Typer(no_args_is_help=True, help="Các lần kiểm tra đã lưu / stored runs.")
for name, sub in (("inventory", inventory_app), ("checks", checks_app), ("rules", rules_app), ("runs", runs_app)):
    app.add_typer(sub, name=name)
people.register(app)


@app.command()
def run(
    inventory: InventoryArgument,
    profile: ProfileOption = None,
    limit: LimitOption = None,
    checks: ChecksOption = None,
    out: OutOption = Path("out"),
    date: DateOption = None,
    fail_on: FailOnOption = FailOn.INFO,
    workers: WorkersOption = 50,
    resume: Annotated[str | None, typer.Option("--resume", help="Làm tiếp lần dở / [RUN].", show_default=False)] = None,
    format_: FormatOption = "html",
    checks_dir: ChecksDirOption = None,
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """Thu thập, đánh giá, chấm điểm, báo cáo / collect, judge, score and report."""
    from auditor.commands import audit

    audit.run(inventory, _wish(profile, limit, checks, date, workers), out, fail_on, resume, format_, checks_dir, db)


@app.command()
def collect(
    inventory: InventoryArgument,
    out: Annotated[Path, typer.Option("--out", help="Thư mục bằng chứng / the evidence folder to make.")],
    limit: LimitOption = None,
    workers: WorkersOption = 50,
    lang: LangOption = None,
) -> None:
    """Chỉ thu thập bằng chứng / collect evidence only."""
    from auditor.commands import audit

    audit.collect(inventory, out, limit, workers)


@app.command()
def judge(
    evidence: Annotated[list[Path], typer.Argument(metavar="EVIDENCE...", help="Thư mục hoặc .capdo / folders.")],
    inventory: Annotated[Path | None, typer.Option("--inventory", help="Danh mục khác / another inventory.")] = None,
    profile: ProfileOption = None,
    limit: LimitOption = None,
    checks: ChecksOption = None,
    out: OutOption = Path("out"),
    date: DateOption = None,
    fail_on: FailOnOption = FailOn.INFO,
    format_: FormatOption = "html",
    checks_dir: ChecksDirOption = None,
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """Đánh giá bằng chứng đã thu thập / judge evidence that was collected before."""
    from auditor.commands import audit

    audit.judge(evidence, inventory, _wish(profile, limit, checks, date, 1), out, fail_on, format_, checks_dir, db)


@app.command()
def report(
    run: Annotated[str, typer.Argument(metavar="RUN|run.json", help="Mã lần kiểm tra hoặc tệp / id, 'last' or file.")],
    format_: FormatOption = "html",
    out: OutOption = Path("out"),
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """Làm lại báo cáo / make reports of a run again."""
    from auditor.commands import audit

    audit.report(run, format_, out, db)


@app.command()
def plan(
    inventory: InventoryArgument, limit: LimitOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Sẽ chạy gì, ở đâu, theo căn cứ nào / what will run where, before anything is."""
    from auditor.commands import prepare

    prepare.plan(inventory, limit, as_json)


@app.command()
def doctor(
    inventory: InventoryArgument, as_json: JsonOption = False, db: DbOption = None, lang: LangOption = None
) -> None:
    """Kiểm tra trước khi chạy, không gửi gói tin / what would go wrong; sends no packet."""
    from auditor.commands import prepare

    prepare.doctor(inventory, as_json, db)


@app.command()
def sudoers(
    inventory: InventoryArgument, out: OutOption = Path("out"), limit: LimitOption = None, lang: LangOption = None
) -> None:
    """Tạo tệp sudoers cho từng máy / write one sudoers file a target."""
    from auditor.commands import prepare

    prepare.sudoers(inventory, out, limit)


@app.command()
def notice(
    inventory: InventoryArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Tệp thư / the letter: FILE.md and FILE.txt.")] = None,
    source: Annotated[list[str] | None, typer.Option("--from", help="Địa chỉ nguồn / an address we come from.")] = None,
    hours: Annotated[str | None, typer.Option("--hours", help="Khung giờ / hours: 22:00-05:00")] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="Người trực / who answers the telephone.")] = None,
    lang: LangOption = None,
) -> None:
    """Viết thư báo trước / write the letter that announces the audit."""
    from auditor.commands import notice as command

    command.notice(inventory, out, source, hours, contact)


@app.command()
def verify(
    run: Annotated[str, typer.Argument(metavar="RUN|EVIDENCE")], db: DbOption = None, lang: LangOption = None
) -> None:
    """Đối chiếu bằng chứng với mã băm / check evidence against its hashes."""
    from auditor.commands import runs

    runs.runs_verify(run, db)


@inventory_app.command("check")
def inventory_check(inventory: InventoryArgument, lang: LangOption = None) -> None:
    """Nêu mọi lỗi của tệp / name every mistake as FILE:LINE:COLUMN: message."""
    from auditor.commands import prepare

    prepare.inventory_check(inventory)


@inventory_app.command("discover")
def inventory_discover(
    inventory: Annotated[Path | None, typer.Argument(metavar="[INVENTORY]", help="Danh mục / YAML or CSV.")] = None,
    network: Annotated[list[str] | None, typer.Option("--network", help="Mạng cần dò / 10.1.0.0/24 …")] = None,
    site: Annotated[
        str | None, typer.Option("--site", help="Địa điểm của mạng / its site.", show_default=False)
    ] = None,
    this_machine: Annotated[bool, typer.Option("--this-machine", help="Chính máy này / this very machine.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Tệp mới / the file to write.")] = None,
    lang: LangOption = None,
) -> None:
    """Đề xuất danh mục / propose an inventory: of this machine, or of unknown live hosts of networks."""
    from auditor.commands import discover

    discover.discover(inventory, network or [], site, out, this_machine=this_machine)


@checks_app.command("list")
def checks_list(as_json: JsonOption = False, checks_dir: ChecksDirOption = None, lang: LangOption = None) -> None:
    """Liệt kê phép kiểm / list the checks."""
    from auditor.commands import check_lists

    check_lists.checks_list(as_json, checks_dir)


@checks_app.command("show")
def checks_show(
    check: Annotated[str, typer.Argument(metavar="ID")],
    as_json: JsonOption = False,
    checks_dir: ChecksDirOption = None,
    lang: LangOption = None,
) -> None:
    """Một phép kiểm / one check: what it asks, why, how to mend."""
    from auditor.commands import check_lists

    check_lists.checks_show(check, as_json, checks_dir)


@runs_app.command("list")
def runs_list(as_json: JsonOption = False, db: DbOption = None, lang: LangOption = None) -> None:
    """Các lần đã lưu / stored runs."""
    from auditor.commands import runs

    runs.runs_list(as_json, db)


@runs_app.command("show")
def runs_show(
    run: Annotated[str, typer.Argument(metavar="RUN")],
    as_json: JsonOption = False,
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """Một lần / one run."""
    from auditor.commands import runs

    runs.runs_show(run, as_json, db)


@runs_app.command("diff")
def runs_diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE")],
    after: Annotated[str, typer.Argument(metavar="AFTER")] = "last",
    as_json: JsonOption = False,
    db: DbOption = None,
    lang: LangOption = None,
) -> None:
    """So sánh hai lần: mới, đã khắc phục, còn mở, tái diễn, chưa đo / what changed between two runs."""
    from auditor.commands import runs

    runs.runs_diff(before, after, as_json, db)


@runs_app.command("verify")
def runs_verify(
    run: Annotated[str, typer.Argument(metavar="RUN|EVIDENCE")], db: DbOption = None, lang: LangOption = None
) -> None:
    """Đối chiếu bằng chứng với mã băm / check evidence against its hashes."""
    from auditor.commands import runs

    runs.runs_verify(run, db)


def _wish(profile: str | None, limit: str | None, checks: str | None, day: str | None, workers: int) -> Wish:
    from auditor.pipeline import Wish

    return Wish(profile, limit, checks, as_day(day), workers)


def _optional_resume(argv: list[str]) -> list[str]:
    """``--resume`` may stand alone: then it means the newest interrupted run."""
    made: list[str] = []
    for number, word in enumerate(argv):
        made.append(word)
        if word == "--resume":
            following = argv[number + 1] if number + 1 < len(argv) else "-"
            if following.startswith("-") or Path(following).exists():
                made.append("last")
    return made


# What the parser raises for a wrong command line; typer carries its own copy of click.
_USAGE: Any = typer.BadParameter.__mro__[-5]


def main() -> NoReturn:
    """Parse the command line, run, and leave with the exit code of design §7; never with a traceback."""
    # Evidence, reports and the store are a map of weaknesses: nobody else may read them.
    os.umask(0o077)
    from auditor.model import CapdoError
    from auditor.printable import printable

    use(None)
    try:
        code = app(args=_optional_resume(sys.argv[1:]), standalone_mode=False) or 0
    except CapdoError as exc:
        print(printable(exc), file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    except typer.Exit as exc:
        code = exc.exit_code
    except typer.Abort:
        code = 130
    except BrokenPipeError:
        code = 0
    except Exception as exc:
        if isinstance(exc, _USAGE):
            usage: Any = exc
            usage.show()
        elif os.environ.get("CAPDO_DEBUG"):
            raise
        else:
            # Our own fault. Never exit code 1: that would read as "something fails".
            text = _("internal error, please report it: {what} (CAPDO_DEBUG=1 shows where)")
            print(printable(text.format(what=f"{type(exc).__name__}: {exc}")), file=sys.stderr)
        code = 2
    if code == 130:
        print(_("interrupted; what is done is kept"), file=sys.stderr, flush=True)
        # Threads may still wait for hosts that are being asked; nothing of theirs is to be kept.
        sys.stdout.flush()
        os._exit(130)
    sys.exit(int(code))


if __name__ == "__main__":
    main()
