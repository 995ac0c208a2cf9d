"""The words of every mistake by code: Vietnamese, English. ``{names}`` are filled with its values."""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    # --- the file as such
    "unreadable": ("không đọc được tệp: {problem}", "the file cannot be read: {problem}"),
    "too-big": ("tệp lớn hơn {limit} MiB", "the file is larger than {limit} MiB"),
    "not-utf8": (
        "tệp không phải UTF-8 (byte {byte}); hãy lưu lại với mã hoá UTF-8",
        "the file is not UTF-8 (byte {byte}); save it again in UTF-8",
    ),
    "bad-character": (
        "không được dùng ký tự điều khiển, ẩn hoặc đổi chiều chữ ({char})",
        "control, invisible and bidirectional characters are refused ({char})",
    ),
    "tab": ("không dùng phím Tab, hãy dùng dấu cách", "tabs are refused, use spaces"),
    "binary": ("đây không phải tệp văn bản", "this is not a text file"),
    "private-key": (
        "có khoá bí mật trong tệp: hãy xoá, coi như khoá đã lộ, chỉ ghi đường dẫn (key_file: …)",
        "a private key stands in the file: remove it, treat it as leaked, give its path (key_file: …)",
    ),
    "is-folder": ("là thư mục, không phải tệp", "this is a folder, not a file"),
    "no-file": ("không có tệp này", "there is no such file"),
    "unknown-suffix": ("không đọc được loại tệp này; đọc được: {known}", "unknown kind of file; known are: {known}"),
    # --- YAML
    "syntax": ("lỗi cú pháp YAML: {problem}", "YAML syntax error: {problem}"),
    "colon": (
        "lỗi cú pháp YAML: không được có ':' ở đây; để chữ có ': ' trong dấu nháy, xem lại thụt đầu dòng",
        "YAML syntax error: no ':' may stand here; put text with ': ' in quotes, look at the indentation",
    ),
    "several-documents": ("tệp có nhiều tài liệu ('---')", "the file holds several documents ('---')"),
    "too-deep": ("lồng sâu quá {limit} cấp", "nested more than {limit} deep"),
    "too-many": ("tệp có hơn {limit} giá trị", "the file holds more than {limit} values"),
    "anchor": (
        "không dùng neo và tham chiếu YAML (&, *): hãy ghi lại giá trị",
        "YAML anchors and aliases (&, *) are refused: write the value again",
    ),
    "merge-key": ("không dùng '<<': hãy ghi lại các giá trị", "'<<' is refused: write the values again"),
    "tag": ("không dùng nhãn YAML {tag}", "the YAML tag {tag} is refused"),
    "duplicate-key": ("khoá lặp lại, đã có ở dòng {line}", "this key is already given at line {line}"),
    "key-not-text": (
        "tên khoá {found} không phải là chữ; hãy để trong dấu nháy",
        "the key {found} is not text; put it in quotes",
    ),
    "ambiguous-number": (
        "{found} có thể hiểu nhiều cách: nếu là chữ thì để trong dấu nháy, nếu là số thì ghi dạng thường",
        "{found} can be read in several ways: put text in quotes, write a number as a plain decimal",
    ),
    # --- shapes
    "missing": ("thiếu khoá bắt buộc", "this required key is missing"),
    "unknown-key": ("không có khoá này", "there is no such key"),
    "unknown-key-near": (
        "không có khoá này; có phải '{near}'?",
        "there is no such key; did you mean '{near}'?",
    ),
    "wrong": ("{found} không hợp lệ", "{found} is not valid here"),
    "wrong-quote": (
        "{found} không phải là chữ; hãy để trong dấu nháy nếu đó là chữ",
        "{found} is not text; put it in quotes if it is meant as text",
    ),
    "wrong-hidden": ("giá trị không hợp lệ", "the value is not valid here"),
    "secret": (
        "không ghi mật khẩu ở đây; chỉ ghi nơi giữ: {{file: …}}, {{env: TEN}}, {{credential: ten}}",
        "no secret stands here; say where it is: {{file: …}}, {{env: NAME}}, {{credential: name}}",
    ),
    "value_error": ("{text}", "{text}"),
    "found-mapping": ("một bảng 'khoá: giá trị'", "a mapping"),
    "found-list": ("một danh sách", "a list"),
    "found-empty": ("giá trị trống", "an empty value"),
    # --- what was expected
    "expect-text": ("chữ", "text"),
    "expect-example": ("chữ, ví dụ {example}", "text such as {example}"),
    "expect-pattern": ("chữ theo mẫu {pattern}", "text matching {pattern}"),
    "expect-date": ("ngày dạng 2026-01-15", "a date like 2026-01-15"),
    "expect-flag": ("true hoặc false", "true or false"),
    "expect-integer": ("số nguyên", "a whole number"),
    "expect-number": ("số", "a number"),
    "expect-at-least": ("{what} từ {low} trở lên", "{what}, {low} or more"),
    "expect-at-most": ("{what} không quá {high}", "{what}, {high} or less"),
    "expect-between": ("{what} từ {low} đến {high}", "{what} from {low} to {high}"),
    "expect-one-of": ("một trong: {choices}", "one of: {choices}"),
    "expect-list": ("danh sách", "a list"),
    "expect-nonempty-list": ("danh sách có ít nhất một mục", "a list of at least one"),
    "expect-keys": ("bảng 'khoá: giá trị' với các khoá: {keys}", "a mapping with the keys: {keys}"),
    "expect-mapping": ("bảng 'khoá: giá trị'", "a mapping"),
    "expect-empty": ("để trống", "nothing"),
    "expect-id-of": ("mã đã khai báo trong {section}", "an id declared under {section}"),
    "expect-id-of-near": (
        "mã đã khai báo trong {section}; có phải '{near}'?",
        "an id declared under {section}; did you mean '{near}'?",
    ),
    "expect-network": ("mạng như 10.1.0.0/16", "a network like 10.1.0.0/16"),
    "expect-network-near": ("mạng như {near}", "a network like {near}"),
    "expect-columns": ("các cột: {columns}", "the columns: {columns}"),
    # --- values
    "not-a-date": ("không phải là ngày", "this is not a date"),
    "address-dash": ("địa chỉ không được bắt đầu bằng '-'", "an address must not begin with '-'"),
    "address-ip": ("địa chỉ IP không đúng", "this is not a proper IP address"),
    "address-port": (
        "địa chỉ không kèm cổng; cổng ghi ở khoá riêng",
        "an address has no port; ports have keys of their own",
    ),
    "url-form": ("URL không đúng", "this is not a proper URL"),
    "url-scheme": ("giao thức '{scheme}' không dùng được", "the scheme '{scheme}' cannot be used"),
    "url-secret": (
        "URL không được chứa tên đăng nhập hay mật khẩu",
        "a URL must not hold a user name or password",
    ),
    "path-relative": (
        "phải là đường dẫn tuyệt đối trên máy được kiểm tra",
        "must be an absolute path on the target",
    ),
    "path-dots": ("đường dẫn không được có '..'", "a path must not hold '..'"),
    "domain-name": (
        "tên miền không đúng: gồm chữ cái, chữ số, dấu '-', cách nhau bằng dấu chấm",
        "this is not a proper domain name: letters, digits and '-', parted by dots",
    ),
    "pattern-path": ("chỉ là mẫu tên tệp, không có thư mục", "a pattern of file names only, without folders"),
    "secret-ref": (
        "cần đúng một trong: file, env, credential",
        "exactly one is needed of: file, env, credential",
    ),
    "job-needs": ("công việc sao lưu {tool} cần có '{need}'", "a {tool} backup job needs '{need}'"),
    # --- across the file
    "duplicate-id": ("mã '{id}' đã dùng ở dòng {line}", "the id '{id}' is already used at line {line}"),
    "duplicate-id-case": (
        "mã '{id}' chỉ khác '{other}' (dòng {line}) ở chữ hoa, chữ thường",
        "the id '{id}' differs from '{other}' (line {line}) only in upper and lower case",
    ),
    "no-such-id": ("'{id}' chưa được khai báo", "'{id}' is not declared"),
    "secret-reference": (
        "'{id}' là máy độc lập xử lý bí mật nhà nước: không mục nào khác được nhắc đến",
        "'{id}' is a standalone machine for state secrets: nothing else may refer to it",
    ),
    "secret-no-agency": (
        "máy độc lập xử lý bí mật nhà nước phải thuộc một đơn vị",
        "a standalone machine for state secrets must belong to an agency",
    ),
    "secret-address": (
        "máy độc lập xử lý bí mật nhà nước không nối mạng nên không có địa chỉ: hãy bỏ dòng này",
        "a standalone machine for state secrets is on no network and has no address: leave this out",
    ),
    "too-many-addresses": (
        "các mạng này có hơn {most} địa chỉ: hãy ghi mạng nhỏ hơn",
        "these networks hold more than {most} addresses: name smaller ones",
    ),
    "bad-network": ("'{network}' không phải là mạng IP", "'{network}' is not an IP network"),
    "until-before-from": (
        "'until' ({until}) trước '{start}' ({since})",
        "'until' ({until}) is before '{start}' ({since})",
    ),
    "own-approval": (
        "người phê duyệt không được là người đề nghị ('{name}')",
        "the approver must not be the requester ('{name}')",
    ),
    "too-short": (
        "quá ngắn, chưa nói được điều gì (cần ít nhất {least} chữ cái hoặc chữ số)",
        "too short to say anything (at least {least} letters or digits are needed)",
    ),
    "compensating-text": (
        "biện pháp tương đương phải nêu quy tắc chứng minh nó: {{rule: …, target: …}}; lời mô tả ghi ở 'reason'",
        "an equivalent measure names the rule that proves it: {{rule: …, target: …}}; words go into 'reason'",
    ),
    "compensating-missing": (
        "'compensating-control' phải nêu quy tắc chứng minh biện pháp tương đương: compensating: {{rule: …}}",
        "'compensating-control' must name the rule that proves the equivalent measure: compensating: {{rule: …}}",
    ),
    "compensating-alone": (
        "chỉ dùng 'compensating' khi reason_class là compensating-control, không phải {reason_class}",
        "'compensating' belongs to reason_class compensating-control, not to {reason_class}",
    ),
    "attachment-outside": (
        "tệp đính kèm phải nằm trong thư mục của danh mục (đường dẫn tương đối, ví dụ ho-so/bien-ban.pdf)",
        "an attachment must lie below the inventory's folder (a relative path such as papers/minutes.pdf)",
    ),
    "attachment-missing": (
        "không có tệp đính kèm '{file}' cạnh danh mục",
        "there is no attachment '{file}' beside the inventory",
    ),
    "attachment-unreadable": (
        "không đọc được tệp đính kèm '{file}' ({problem})",
        "the attachment '{file}' cannot be read ({problem})",
    ),
    "attachment-changed": (
        "tệp đính kèm '{file}' đã đổi so với mã băm đã ghi",
        "the attachment '{file}' is no longer what its hash says",
    ),
    "no-scope": ("không nói áp dụng cho mục tiêu nào", "this does not say what it applies to"),
    "link-to-itself": ("đường truyền nối '{id}' với chính nó", "the link joins '{id}' to itself"),
    "refers-to-itself": ("'{id}' nhắc đến chính nó", "'{id}' refers to itself"),
    "cycle": ("vòng lặp: {way}", "a cycle: {way}"),
    "needs-address": ("thiếu địa chỉ để kết nối ({connect})", "an address is needed to connect ({connect})"),
    "needs-config": ("connect: file cần có 'config'", "connect: file needs 'config'"),
    "still-declared": ("'{id}' vẫn còn được khai báo", "'{id}' is still declared"),
    # --- CSV
    "no-header": ("không có dòng tiêu đề", "there is no header line"),
    "unknown-column": ("không có cột này", "there is no such column"),
    "unknown-column-near": (
        "không có cột này; có phải '{near}'?",
        "there is no such column; did you mean '{near}'?",
    ),
    "duplicate-column": ("cột lặp lại", "this column is given twice"),
    "missing-column": ("thiếu cột '{column}'", "the column '{column}' is missing"),
    "row-short": (
        "dòng có {found} ô, tiêu đề có {wanted} cột",
        "the row has {found} cells, the header {wanted}",
    ),
    "row-long": (
        "dòng có {found} ô, tiêu đề có {wanted} cột",
        "the row has {found} cells, the header {wanted}",
    ),
    "open-quote": ("dấu nháy kép không đóng", "a double quote is not closed"),
    "after-quote": ("có chữ sau dấu nháy kép đóng", "text follows a closing double quote"),
    "contradiction": (
        "'{found}' khác với '{before}' ở dòng {line}",
        "'{found}' contradicts '{before}' at line {line}",
    ),
    "level-count": (
        "có {levels} cấp độ cho {systems} hệ thống",
        "there are {levels} levels for {systems} systems",
    ),
    "column-not-of-kind": ("cột này không dùng cho '{kind}'", "this column does not apply to '{kind}'"),
}
