"""The words of questionnaires and of mistakes in them: Vietnamese, English (part of ``mistake_words``)."""

from __future__ import annotations

from typing import Final

from auditor import mistake_words

COLUMNS: Final[dict[str, tuple[str, str]]] = {
    "key": ("Mã câu hỏi", "Question id"),
    "about": ("Hỏi về", "About"),
    "question": ("Câu hỏi: điều sau đây có đúng không?", "Question: is the following so?"),
    "clause": ("Điều khoản", "Clause"),
    "why": ("Vì sao hỏi", "Why it is asked"),
    "answer": ("Trả lời", "Answer"),
    "who": ("Người trả lời", "Answered by"),
    "on": ("Ngày trả lời", "Date of the answer"),
    "document_no": ("Số văn bản", "Document number"),
    "document_date": ("Ngày văn bản", "Date of the document"),
    "explanation": ("Giải trình, căn cứ", "Explanation"),
    "attachment": ("Tệp đính kèm", "Attached file"),
    "until": ("Có giá trị đến", "Valid until"),
    "last": ("Lần trả lời trước", "Last answer"),
    "state": ("Tình trạng", "State"),
}
"""The columns of a questionnaire in their order."""

ANSWERS: Final[dict[str, tuple[str, str]]] = {
    "met": ("Đạt", "Met"),
    "notmet": ("Chưa", "Not met"),
    "notapplicable": ("Không áp dụng", "Not applicable"),
}

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "met": (),
    "notmet": ("Chưa đạt", "Không đạt"),
    "notapplicable": ("N/A",),
}
"""What people write besides the two labels and the key of an answer; case, accents and spacing do not count."""


def _allowed(column: int) -> str:
    """The answers that are understood, as a person would write them."""
    also = {key: [one for one in SYNONYMS[key] if column == 0 or one.isascii()] for key in ANSWERS}
    return "; ".join(", ".join((labels[column], *also[key])) for key, labels in ANSWERS.items())


ALLOWED: Final = (_allowed(0), _allowed(1))
"""In Vietnamese, in English."""

STATES: Final[dict[str, tuple[str, str]]] = {
    "open": ("chưa trả lời", "not answered yet"),
    "valid": ("còn giá trị", "valid"),
    "expiring": ("sắp hết giá trị (trong 30 ngày)", "expiring (within 30 days)"),
    "expired": ("ĐÃ HẾT GIÁ TRỊ", "EXPIRED"),
    "malformed": ("KHÔNG HỢP LỆ", "MALFORMED"),
    "upcoming": ("chưa đến ngày", "not begun yet"),
    "contradicted": ("TRÁI VỚI KẾT QUẢ ĐO", "CONTRADICTED BY A MEASUREMENT"),
}

ABOUT: Final[dict[str, tuple[str, str]]] = {
    "system": ("hệ thống", "system"),
    "agency": ("đơn vị", "agency"),
    "target": ("mục tiêu", "target"),
}

HELP: Final = (
    (
        "Chọn câu trả lời, ghi người trả lời, ngày (2026-11-22), giải trình. Để trống dòng chưa trả lời. "
        "Ô vàng ở dòng 1: điền một lần cho mọi dòng có trả lời mà để trống ô đó. "
        "Tệp đính kèm: đường dẫn tính từ thư mục của danh mục. Đừng sửa các cột A–E, đừng gộp ô, đừng dùng công thức."
    ),
    (
        "Choose an answer, say who answers, when (2026-11-22) and why. Leave a row empty that is not answered yet. "
        "Yellow cells of row 1: filled in once, for every answered row that leaves that cell empty. "
        "Attached file: its path from the inventory's folder. Do not change columns A–E, merge cells or use formulas."
    ),
)

DEFAULTS: Final = ("Mặc định cho cả trang →", "For the whole sheet →")
"""Before the cells that fill the empty ones below them."""
REFUSED: Final = (
    "Phiếu chỉ hiểu: {allowed}. Vẫn giữ điều đã ghi?",
    "The questionnaire understands: {allowed}. Keep what you wrote?",
)
"""What Excel asks when something else than a choice is written."""
REPEATED: Final = ("{cells} ({count} ô): {text}", "{cells} ({count} cells): {text}")
REPEATED_OTHERWISE: Final = (
    "{cells} ({count} ô, mỗi ô một giá trị; ô đầu): {text}",
    "{cells} ({count} cells, each with a value of its own; the first): {text}",
)
"""One mistake of many cells; with values in its words, those of the first cell stand for all."""

ATTEST_WORDS: Final[dict[str, tuple[str, str]]] = {
    "sheet-not-excel": ("đây không phải tệp Excel (.xlsx)", "this is not an Excel file (.xlsx)"),
    "sheet-encrypted": (
        "tệp có mật khẩu hoặc là Excel kiểu cũ (.xls): hãy lưu lại thành .xlsx không mật khẩu",
        "the file has a password or is of the old kind (.xls): save it as .xlsx without one",
    ),
    "sheet-too-big": ("tệp quá lớn khi giải nén ({size} MiB)", "the file is too large when unpacked ({size} MiB)"),
    "sheet-broken": ("tệp Excel hỏng: {problem}", "the Excel file is broken: {problem}"),
    "sheet-not-ours": (
        "đây không phải phiếu hỏi của Capdo (thiếu trang ẩn 'capdo'); tạo phiếu bằng: audit.py attest … --out",
        "no questionnaire of Capdo (its hidden sheet 'capdo' is missing); make one with: audit.py attest … --out",
    ),
    "sheet-schema": (
        "phiếu thuộc phiên bản '{found}', bản này đọc '{wanted}'; hãy tạo phiếu mới",
        "the questionnaire is of version '{found}', this program reads '{wanted}'; make a new one",
    ),
    "sheet-province": (
        "phiếu này của danh mục '{found}', không phải '{wanted}'",
        "this questionnaire belongs to the inventory of '{found}', not of '{wanted}'",
    ),
    "sheet-packs": (
        "phiếu này hỏi theo gói quy tắc {found}, lần này dùng {wanted}",
        "this questionnaire asks by the rule packs {found}, now in use are {wanted}",
    ),
    "sheet-merged": ("có ô gộp; hãy bỏ gộp ô", "cells are merged; take the merge apart"),
    "sheet-header": (
        "tiêu đề phải là '{wanted}', tìm thấy '{found}'",
        "the header must be '{wanted}', found '{found}'",
    ),
    "sheet-no-header": (
        "dòng {row} phải là dòng tiêu đề của phiếu; đừng thêm, xoá dòng hay cột ở trên và bên trái",
        "row {row} must be the header of the questionnaire; add or remove no rows or columns above and left of it",
    ),
    "sheet-extra-column": ("không có cột này trong phiếu", "the questionnaire has no such column"),
    "sheet-too-long": ("trang có nội dung sau dòng {most}", "the sheet holds something below row {most}"),
    "sheet-formula": (
        "ô là công thức; hãy ghi giá trị (dán dạng 'Values')",
        "the cell is a formula; write its value (paste as 'Values')",
    ),
    "sheet-error-value": ("ô có giá trị lỗi {found}", "the cell holds the error {found}"),
    "sheet-date": (
        "'{found}' không phải ngày; ghi dạng 2026-11-22",
        "'{found}' is no date; write it like 2026-11-22",
    ),
    "sheet-date-for-text": (
        "Excel đã đổi ô này thành ngày; hãy định dạng ô là chữ (Text) rồi ghi lại",
        "Excel has made a date of this cell; format it as text and write it again",
    ),
    "sheet-no-key": ("thiếu mã câu hỏi ở dòng này", "the question's id is missing in this row"),
    "sheet-unknown-question": (
        "danh mục và gói quy tắc hiện nay không hỏi câu '{key}'",
        "inventory and rule packs as they are now do not ask '{key}'",
    ),
    "sheet-same-question": ("câu hỏi này đã có ở {place}", "this question already stands at {place}"),
    "sheet-question-changed": (
        "nội dung câu hỏi khác với hiện nay: hãy tạo phiếu mới, để câu trả lời đúng với câu được hỏi",
        "the question reads otherwise now: make a new questionnaire, so that the answer is to what was asked",
    ),
    "sheet-no-answer": (
        "dòng đã điền nhưng chưa chọn câu trả lời",
        "the row is filled in, but no answer is chosen",
    ),
    "sheet-answer": (
        f"'{{found}}' không phải câu trả lời; hãy ghi một trong: {ALLOWED[0]}",
        f"'{{found}}' is no answer; write one of: {ALLOWED[1]}",
    ),
    "sheet-no-who": ("thiếu người trả lời", "it does not say who answers"),
    "sheet-no-date": ("thiếu ngày trả lời", "the date of the answer is missing"),
    "sheet-future": ("ngày {found} ở tương lai", "the date {found} is in the future"),
    "sheet-explanation": (
        "giải trình quá ngắn, chưa nói được điều gì",
        "the explanation is too short to say anything",
    ),
    "sheet-too-long-text": ("dài hơn {most} ký tự", "longer than {most} characters"),
    "sheet-half-document": (
        "văn bản cần cả số và ngày",
        "a document needs both its number and its date",
    ),
    "sheet-until": (
        "có giá trị đến {until} là trước ngày trả lời {on}",
        "valid until {until} is before the date of the answer, {on}",
    ),
    "sheet-line-break": ("ô này chỉ một dòng", "this cell holds one line only"),
    "sheet-same-day": (
        "câu này đã có trả lời khác cùng ngày ('{id}'); sửa ở tệp xác nhận, hoặc ghi ngày khác",
        "this question already has another answer of that day ('{id}'); mend it in the file, or give another day",
    ),
}

mistake_words.WORDS.update(ATTEST_WORDS)


def said(pair: tuple[str, str], lang: str) -> str:
    """One of two languages."""
    return pair[0] if lang == "vi" else pair[1]
