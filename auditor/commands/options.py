"""Options and arguments that several commands take, declared once."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from auditor.i18n import _, use


class Lang(StrEnum):
    VI = "vi"
    EN = "en"


class FailOn(StrEnum):
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def _language(lang: Lang | None) -> Lang | None:
    use(lang.value if lang else None)
    return lang


LangOption = Annotated[
    Lang | None, typer.Option("--lang", callback=_language, is_eager=True, help="vi | en", show_default=False)
]
DbOption = Annotated[
    str | None,
    typer.Option("--db", help="Kho dữ liệu (URL SQLAlchemy) / the store; else CAPDO_DB.", show_default=False),
]
OutOption = Annotated[Path, typer.Option("--out", help="Thư mục kết quả / where results go.")]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", help="Gói quy tắc, cách nhau bởi dấu phẩy / rule packs.", show_default=False)
]
DateOption = Annotated[
    str | None, typer.Option("--date", help="Ngày áp dụng luật / law in force on, 2026-11-22.", show_default=False)
]
LimitOption = Annotated[
    str | None,
    typer.Option("--limit", help="Chỉ các mục tiêu / only these: web*,agency:so-*,kind:link.", show_default=False),
]
ChecksOption = Annotated[
    str | None, typer.Option("--checks", help="Chỉ các phép kiểm / only these checks: tls.*", show_default=False)
]
ChecksDirOption = Annotated[
    list[Path] | None, typer.Option("--checks-dir", help="Thư mục phép kiểm thêm / a folder of further checks.")
]
FailOnOption = Annotated[FailOn, typer.Option("--fail-on", help="Mức lỗi cho mã thoát 1 / severity for exit code 1.")]
FormatOption = Annotated[str, typer.Option("--format", help="html, json (cách nhau bởi dấu phẩy / comma separated).")]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, max=500, help="Số luồng / threads.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Chỉ in JSON / print JSON and nothing else.")]
InventoryArgument = Annotated[Path, typer.Argument(metavar="INVENTORY", help="Tệp danh mục / YAML or CSV.")]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="Tệp ghi nhận đối chiếu / the file of confirmations.", show_default=False),
]


def as_day(day: str | None) -> date | None:
    """What --date says. Raises ``CapdoError`` for anything but an ISO date."""
    from auditor.model import CapdoError

    try:
        given = date.fromisoformat(day) if day and len(day) == 10 else None
    except ValueError:
        given = None
    if day and given is None:
        raise CapdoError(_("--date {day}: expected a date like 2026-11-22").format(day=day))
    return given
