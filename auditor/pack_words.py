"""The words of mistakes in rule packs: Vietnamese, English (as ``mistake_words``, of which they become part)."""

from __future__ import annotations

from typing import Final

PACK_WORDS: Final[dict[str, tuple[str, str]]] = {
    "pack-no-folder": ("không có gói quy tắc này", "there is no such rule pack"),
    "pack-needs": ("'{kind}' phải có '{key}'", "a pack of kind '{kind}' needs '{key}'"),
    "pack-foreign": ("'{kind}' không có '{key}'", "a pack of kind '{kind}' has no '{key}'"),
    "pack-not-in-force": (
        "gói '{pack}' không có hiệu lực vào ngày {day} (từ {since}, đến {until})",
        "the pack '{pack}' is not in force on {day} (from {since}, until {until})",
    ),
    "pack-overlay-alone": (
        "gói lớp phủ '{pack}' cần ít nhất một trong các gói: {over}",
        "the overlay '{pack}' needs at least one of the packs: {over}",
    ),
    "pack-unknown-rule": (
        "không gói nào bên dưới có quy tắc '{rule}'",
        "no pack below has a rule '{rule}'",
    ),
    "pack-unknown-rule-near": (
        "không gói nào bên dưới có quy tắc '{rule}'; có phải '{near}'?",
        "no pack below has a rule '{rule}'; did you mean '{near}'?",
    ),
    "pack-param-no-direction": (
        "tham số '{param}' không có chiều chặt hơn nên lớp phủ không đặt được",
        "the parameter '{param}' has no stricter direction, so an overlay cannot set it",
    ),
    "pack-param-near": (
        "'{check}' không có tham số này; có phải '{near}'? các tham số: {known}",
        "'{check}' has no such parameter; did you mean '{near}'? it has: {known}",
    ),
    "framework-only": ("lần chạy dùng: {packs}", "the run uses: {packs}"),
    "framework-no-system": (
        "không thuộc hệ thống nào đã khai báo nên theo quy định hiện hành ({packs})",
        "of no declared system, so by the rules now in force ({packs})",
    ),
    "framework-new": (
        "không hệ thống nào còn trong thời gian chuyển tiếp: {systems}",
        "no system of it is in transition: {systems}",
    ),
    "framework-old": (
        "mọi hệ thống đều còn trong thời gian chuyển tiếp: {systems}",
        "all its systems are in transition: {systems}",
    ),
    "framework-both": (
        "dùng chung: {systems} còn trong thời gian chuyển tiếp, {others} thì không",
        "shared: {systems} in transition, {others} not",
    ),
    "pack-no-date": ("không hạn", "open"),
    "pack-unknown-check": ("không có phép kiểm tra '{check}'", "there is no check '{check}'"),
    "pack-unknown-check-near": (
        "không có phép kiểm tra '{check}'; có phải '{near}'?",
        "there is no check '{check}'; did you mean '{near}'?",
    ),
    "pack-unknown-requirement": ("không có yêu cầu '{requirement}'", "there is no requirement '{requirement}'"),
    "pack-requirement-not-listed": (
        "yêu cầu '{requirement}' không có hiệu lực trong cùng thời gian với quy tắc",
        "the requirement '{requirement}' is not in force at the same time as the rule",
    ),
    "pack-no-rule": ("yêu cầu này không có quy tắc nào", "no rule stands for this requirement"),
    "pack-no-rule-at-level": (
        "ở cấp {levels} yêu cầu này không có quy tắc nào",
        "no rule stands for this requirement at level {levels}",
    ),
    "pack-level-outside": (
        "cấp {levels} nằm ngoài các cấp của yêu cầu '{requirement}'",
        "level {levels} is not among those of the requirement '{requirement}'",
    ),
    "pack-param-level": (
        "tham số có giá trị cho cấp {levels}, mà ở đó không áp dụng",
        "the parameter has values for level {levels}, where it does not apply",
    ),
    "pack-param-unknown": (
        "'{check}' không có tham số này; các tham số: {known}",
        "'{check}' has no such parameter; it has: {known}",
    ),
    "pack-param-none": ("'{check}' không có tham số nào", "'{check}' takes no parameters"),
    "pack-param-wrong": ("giá trị {found} không dùng được: {text}", "the value {found} cannot be used: {text}"),
    "pack-mandatory-force": (
        "hiệu lực '{force}' không được là bắt buộc; chỉ law, decree, standard-required",
        "a rule of force '{force}' may not be mandatory; only law, decree, standard-required",
    ),
    "pack-force-unfounded": (
        "hiệu lực '{force}' mạnh hơn mọi yêu cầu mà quy tắc dẫn tới",
        "the force '{force}' is stronger than that of every requirement the rule names",
    ),
    "pack-weight": (
        "trọng số {weight} phải lớn hơn 0 và không quá 10",
        "the weight {weight} must be above 0 and at most 10",
    ),
    "pack-no-text": ("thiếu '{field}' tiếng {lang}", "'{field}' is missing in {lang}"),
    "pack-vi": ("Việt", "Vietnamese"),
    "pack-en": ("Anh", "English"),
    "pack-title-of-check": (
        "'{field}' chỉ dùng cho quy tắc không có phép kiểm tra; quy tắc này lấy lời của '{check}'",
        "'{field}' is only for a rule without a check; this one takes the texts of '{check}'",
    ),
    "pack-no-key": ("thiếu '{field}'", "'{field}' is missing"),
    "pack-over-unknown": ("không có gói '{pack}'", "there is no pack '{pack}'"),
    "pack-over-overlay": (
        "'{pack}' là gói lớp phủ; chỉ phủ lên gói khung",
        "'{pack}' is an overlay itself; only frameworks can be laid over",
    ),
    "pack-cycle": (
        "vòng lặp: lớp phủ phủ lên chính nó qua '{pack}'",
        "a cycle: the overlay lies over itself by way of '{pack}'",
    ),
    "pack-tighten-framework": (
        "'tighten' chỉ dùng trong gói lớp phủ",
        "'tighten' is only for overlays",
    ),
    "pack-tighten-nowhere": (
        "không cấp nào của các yêu cầu này có quy tắc '{rule}'",
        "the rule '{rule}' applies at none of the levels of these requirements",
    ),
    "pack-mandatory-unfounded": (
        "không yêu cầu nào được dẫn có hiệu lực law, decree hoặc standard-required nên không thể thành bắt buộc",
        "none of the requirements named is of force law, decree or standard-required, so it cannot be mandatory",
    ),
    "pack-clause-level": (
        "điều khoản theo '{framework}' ghi cho cấp {levels}, ngoài các cấp của yêu cầu",
        "clauses of '{framework}' are given for level {levels}, which the requirement does not have",
    ),
    "pack-clause-twice": (
        "cùng điều khoản ({clause}) ở cấp {levels}, có thể là bản sao: {requirements}",
        "the same clauses ({clause}) at level {levels}, one may be a copy of the other: {requirements}",
    ),
    "pack-orphan": ("không gói nào dùng phép kiểm tra này", "no pack uses this check"),
    "pack-dates": (
        "ngày hết hạn {until} trước ngày bắt đầu {since}",
        "the end {until} is before the beginning {since}",
    ),
    "pack-grades-order": (
        "các mức xếp loại phải giảm dần theo at_least và mức cuối là 0",
        "grades must descend by at_least and the last must be 0",
    ),
    "pack-grade-unknown": ("không có mức xếp loại '{grade}'", "there is no grade '{grade}'"),
}
