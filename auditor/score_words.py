"""The words of scores: why a grade is capped or refused, and how the figures are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auditor.rulepack import PackInfo

Text = Mapping[str, str]

CAP_REASONS: Final[Mapping[str, Text]] = {
    "mandatory-fail": {
        "vi": "Quy tắc bắt buộc chưa đạt ở {count} đối tượng nên xếp loại không cao hơn «{grade}»",
        "en": "A mandatory rule fails on {count} targets, so the grade is at most “{grade}”",
    },
    "mandatory-undecided": {
        "vi": "Quy tắc bắt buộc chưa đo được ở {count} đối tượng nên xếp loại không cao hơn «{grade}»",
        "en": "A mandatory rule is undecided on {count} targets, so the grade is at most “{grade}”",
    },
    "mandatory-more": {
        "vi": "Còn {count} quy tắc bắt buộc khác chưa đạt hoặc chưa đo được",
        "en": "{count} more mandatory rules fail or are undecided",
    },
    "weakest-asset": {
        "vi": (
            "Hệ thống được xét theo tài sản bắt buộc yếu nhất: «{asset}» mới đạt {low} điểm (đo được {found} %) nên "
            "xếp loại không cao hơn «{grade}»"
        ),
        "en": (
            "A system is judged by its weakest mandatory asset: “{asset}” stands at {low} points ({found} % decided), "
            "so the grade is at most “{grade}”"
        ),
    },
    "weakest-assets": {
        "vi": (
            "Hệ thống được xét theo tài sản bắt buộc yếu nhất: «{asset}» mới đạt {low} điểm (đo được {found} %) nên "
            "xếp loại không cao hơn «{grade}»; còn {more} tài sản khác kém hơn mức của điểm số"
        ),
        "en": (
            "A system is judged by its weakest mandatory asset: “{asset}” stands at {low} points ({found} % decided), "
            "so the grade is at most “{grade}”; {more} more assets stand below the band of the number"
        ),
    },
    "nothing-decided": {
        "vi": "Chưa đo được gì nên không xếp loại",
        "en": "Nothing could be decided, so there is no grade",
    },
    "coverage": {
        "vi": "Mới kết luận được {found} % (còn lại chưa đo hoặc chưa trả lời), cần ít nhất {wanted} % để xếp loại",
        "en": "Only {found} % is decided (the rest was not measured or not answered); a grade needs {wanted} %",
    },
    "partial": {
        "vi": "Chỉ kiểm tra một phần nên không xếp loại",
        "en": "Only a part was audited, so there is no grade",
    },
    "removed": {
        "vi": "{count} đối tượng của kỳ trước không còn trong danh mục mà chưa giải trình, giữ lại xếp loại: {targets}",
        "en": "{count} targets of the previous run are gone without an explanation, so the grade is held: {targets}",
    },
}

_FORMULA: Final[Text] = {
    "vi": (
        "Điểm = 100 × tổng trọng số đạt ÷ tổng trọng số phải đạt. Chưa đo được, lỗi và chưa có xác nhận tính là "
        "chưa đạt ở số thấp (điểm chính) và là đạt ở số cao. Không áp dụng và thông tin không nằm trong mẫu số. "
        "Chưa đạt mà có biện pháp dùng chung bảo vệ, có bằng chứng, tính là đạt; chưa đo được thì ra khỏi mẫu số. "
        "Chưa đạt nhưng được chấp nhận (miễn trừ) ra khỏi mẫu số, nhiều nhất {waivers} % trọng số; phần vượt tính "
        "là chưa đạt. Độ phủ = phần trọng số đã có kết luận; dưới {gate} % thì không xếp loại. Xếp loại: {grades}. "
        "Quy tắc bắt buộc, mức cao hoặc nghiêm trọng, mà chưa đạt hoặc chưa đo được thì không xếp trên «{cap}». Hệ "
        "thống gồm các đối tượng của nó và những gì chúng dựa vào, và không xếp trên tài sản bắt buộc yếu nhất. Một "
        "lỗi dùng chung chỉ tính một lần trong mỗi tổng. Làm tròn xuống. Các ngưỡng này là mặc định của "
        "gói quy tắc, không phải quy định của pháp luật."
    ),
    "en": (
        "Score = 100 × weight met ÷ weight asked. What is unknown, in error or not yet attested counts as not met "
        "in the low figure (the headline) and as met in the high one. Not applicable and informational leave the "
        "denominator. A fail that a shared control provably covers counts as met; what is covered and undecided "
        "leaves the denominator. A waived fail leaves it too, up to {waivers} % of the weight; what exceeds that "
        "counts as not met. Coverage = share of the weight that was decided; below {gate} % there is no grade. "
        "Grades: {grades}. A mandatory rule of severity high or critical that fails or is undecided allows at most "
        "“{cap}”. A system is its own targets and what they stand on, and is graded no higher than its weakest "
        "mandatory asset. A shared fault counts once in each total. Figures are rounded down. "
        "These thresholds are defaults of the rule pack, not law."
    ),
}


def formula(base: PackInfo) -> dict[str, str]:
    """How the figures are made, in words, with the pack's own numbers; printed in every report."""
    said = {}
    for lang, text in _FORMULA.items():
        names: dict[str, Mapping[Any, str]] = {grade.id: grade.name for grade in base.grades}
        said[lang] = text.format(
            waivers=f"{100 * base.waiver_cap:g}",
            gate=f"{100 * base.coverage_gate:g}",
            grades=", ".join(f"{names[grade.id].get(lang, grade.id)} ≥ {grade.at_least:g}" for grade in base.grades),
            cap=names[base.mandatory_cap].get(lang, base.mandatory_cap),
        )
    return said


def scoring(base: PackInfo) -> dict[str, Any]:
    """All numbers of the pack that figures and grades are made with, as they stand in the run document."""
    return {
        "grades": [grade.model_dump(mode="json") for grade in base.grades],
        "mandatory_cap": base.mandatory_cap,
        "coverage_gate": base.coverage_gate,
        "waiver_cap": base.waiver_cap,
        "formula": formula(base),
    }
