"""The words of mistakes in rule packs: Vietnamese, English (as ``mistake_words``, of which they become part)."""

from __future__ import annotations

from typing import Final

PACK_WORDS: Final[dict[str, tuple[str, str]]] = {
    "pack-no-folder": ("không có gói quy tắc này", "there is no such rule pack"),
    "pack-not-in-force": (
        "gói '{pack}' không có hiệu lực vào ngày {day} (từ {since}, đến {until})",
        "the pack '{pack}' is not in force on {day} (from {since}, until {until})",
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
        "tham số có giá trị cho cấp {levels}, mà quy tắc không áp dụng ở đó",
        "the parameter has values for level {levels}, where the rule does not apply",
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
