"""Which level the criteria of decree 331/2026/NĐ-CP suggest for a system, from what its owner says of it.

Articles 11-15 have the criteria of levels 1-5; the highest that holds decides (art. 8.2), a system is not split to
get a lower one (art. 8.3), and a risk assessment may lift it (art. 10.5). A suggestion, never the level: that is
decided in the dossier. What the owner left open is listed, since it could lift the level further. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, Strict

from auditor.fields import Flag, Level, Record

People = Annotated[int, Strict(), Field(ge=0)]


class LevelFacts(Record):
    """What art. 8-15 ask to choose a level; what is not said is None and open."""

    information: tuple[Literal["public", "private", "personal", "state-secret"], ...] | None = None
    """All classes of information the system handles."""
    online_service: Literal["none", "ordinary", "conditional"] | None = None
    """Does it serve people outside online, and in a line of business with conditions?"""
    administrative_procedures: Flag | None = None
    """Does it process administrative procedures (one-stop shop)?"""
    subjects_basic: People | None = None
    """Number of people whose basic personal data it holds."""
    subjects_sensitive: People | None = None
    """Number of people whose sensitive personal data it holds."""
    infrastructure: Literal["none", "agency", "province", "national", "international"] | None = None
    """Whom it serves as infrastructure; province: also a ministry, a sector, or several provinces."""
    around_the_clock: Flag | None = None
    """Must it run day and night, without a planned stop?"""
    control_works: Literal["none", "class-1", "class-2", "class-3", "class-4"] | None = None
    """The class of the works that it controls."""
    harm: Literal["none", "harm", "serious", "especially-serious"] | None = None
    """What its loss does to national defence, security, and public order."""
    special_national_data: Flag | None = None
    """Is it a central store of special national data?"""
    national_security_list: Flag | None = None
    """Is it on the list of systems important for national security?"""
    risk_level: Level | None = None
    """The level that the system's own risk assessment came to."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion in our words; ``holds`` reads the facts, ``facts`` are those it reads."""

    code: str
    level: int
    clause: str
    facts: tuple[str, ...]
    holds: Callable[[LevelFacts], bool]
    text: Mapping[str, str]


def _handles(facts: LevelFacts, *kinds: str) -> bool:
    return facts.information is not None and not set(kinds).isdisjoint(facts.information)


def _internal_public(facts: LevelFacts) -> bool:
    return facts.online_service == "none" and bool(facts.information) and set(facts.information or ()) == {"public"}


def _some(number: int | None, below: int) -> bool:
    return number is not None and 0 < number < below


def _many(number: int | None, least: int) -> bool:
    return number is not None and number >= least


def _of(
    code: str, level: int, facts: tuple[str, ...], holds: Callable[[LevelFacts], bool], vi: str, en: str
) -> Criterion:
    clause = "NĐ 331/2026 Đ10 K5" if code == "risk" else f"NĐ 331/2026 Đ{10 + level}"
    return Criterion(code, level, clause, facts, holds, {"vi": vi, "en": en})


CRITERIA: Final = (
    _of(
        "internal-public", 1, ("information", "online_service"), _internal_public,
        "Chỉ phục vụ công việc nội bộ và chỉ xử lý thông tin công cộng",
        "Serves internal work only, with public information only",
    ),
    _of(
        "private", 2, ("information",), lambda facts: _handles(facts, "private", "personal"),
        "Xử lý thông tin riêng hoặc thông tin cá nhân, không có bí mật nhà nước",
        "Handles private or personal information, no state secrets",
    ),
    _of(
        "ordinary-service", 2, ("online_service",), lambda facts: facts.online_service == "ordinary",
        "Cung cấp dịch vụ trực tuyến không thuộc ngành nghề kinh doanh có điều kiện",
        "Offers an online service outside business with conditions",
    ),
    _of(
        "subjects", 2, ("subjects_basic", "subjects_sensitive"),
        lambda facts: _some(facts.subjects_basic, 100_000) or _some(facts.subjects_sensitive, 10_000),
        "Xử lý dữ liệu cá nhân cơ bản của dưới 100.000 người hoặc nhạy cảm của dưới 10.000 người",
        "Holds basic personal data of fewer than 100,000 people, or sensitive data of fewer than 10,000",
    ),
    _of(
        "agency-infrastructure", 2, ("infrastructure",), lambda facts: facts.infrastructure == "agency",
        "Là hạ tầng dùng chung của một cơ quan",
        "Is infrastructure of one agency",
    ),
    _of(
        "state-secret", 3, ("information",), lambda facts: _handles(facts, "state-secret"),
        "Xử lý thông tin bí mật nhà nước, lộ ra thì làm tổn hại quốc phòng, an ninh",
        "Handles state secrets, whose loss harms defence or security",
    ),
    _of(
        "conditional-service", 3, ("online_service",), lambda facts: facts.online_service == "conditional",
        "Cung cấp dịch vụ trực tuyến thuộc ngành nghề kinh doanh có điều kiện",
        "Offers an online service in business with conditions",
    ),
    _of(
        "administrative-procedures", 3, ("administrative_procedures",),
        lambda facts: facts.administrative_procedures is True,
        "Giải quyết thủ tục hành chính",
        "Processes administrative procedures",
    ),
    _of(
        "many-subjects", 3, ("subjects_basic", "subjects_sensitive"),
        lambda facts: _many(facts.subjects_basic, 100_000) or _many(facts.subjects_sensitive, 10_000),
        "Xử lý dữ liệu cá nhân cơ bản của từ 100.000 người hoặc nhạy cảm của từ 10.000 người",
        "Holds basic personal data of 100,000 people or more, or sensitive data of 10,000 or more",
    ),
    _of(
        "wide-infrastructure", 3, ("infrastructure",),
        lambda facts: facts.infrastructure in ("province", "national"),
        "Là hạ tầng dùng chung của bộ, ngành, của tỉnh hoặc của nhiều tỉnh",
        "Is infrastructure of a ministry, a sector, a province or several provinces",
    ),
    _of(
        "control-works", 3, ("control_works",),
        lambda facts: facts.control_works in ("class-2", "class-3", "class-4"),
        "Điều khiển công trình cấp II, III hoặc IV",
        "Controls works of class II, III or IV",
    ),
    _of(
        "harm", 3, ("harm",), lambda facts: facts.harm == "harm",
        "Bị phá hoại thì làm tổn hại quốc phòng, an ninh",
        "Its loss harms defence or security",
    ),
    _of(
        "serious-harm", 4, ("harm",), lambda facts: facts.harm == "serious",
        "Bị phá hoại thì làm tổn hại nghiêm trọng quốc phòng, an ninh, trật tự",
        "Its loss seriously harms defence, security or public order",
    ),
    _of(
        "national-infrastructure", 4, ("infrastructure", "around_the_clock"),
        lambda facts: facts.infrastructure == "national" and facts.around_the_clock is True,
        "Là hạ tầng toàn quốc phải hoạt động suốt ngày đêm, không dừng khi chưa có kế hoạch",
        "Is nation-wide infrastructure that must run day and night",
    ),
    _of(
        "control-first-class", 4, ("control_works",), lambda facts: facts.control_works == "class-1",
        "Điều khiển công trình cấp I",
        "Controls works of class I",
    ),
    _of(
        "especially-serious-harm", 5, ("harm",), lambda facts: facts.harm == "especially-serious",
        "Bị phá hoại thì làm tổn hại đặc biệt nghiêm trọng quốc phòng, an ninh",
        "Its loss does especially serious harm to defence or security",
    ),
    _of(
        "special-data", 5, ("special_national_data",), lambda facts: facts.special_national_data is True,
        "Lưu trữ tập trung dữ liệu đặc biệt quan trọng của quốc gia",
        "Is a central store of special national data",
    ),
    _of(
        "international", 5, ("infrastructure",), lambda facts: facts.infrastructure == "international",
        "Là hạ tầng kết nối quốc tế",
        "Is infrastructure that connects the country internationally",
    ),
    _of(
        "national-security", 5, ("national_security_list",), lambda facts: facts.national_security_list is True,
        "Thuộc danh mục hệ thống thông tin quan trọng về an ninh quốc gia (Đ16 K4)",
        "Is on the list of systems important for national security (art. 16.4)",
    ),
)  # fmt: skip
"""All criteria in our words (regulation: decree 331/2026 art. 11-16)."""

_RISK: Final = {
    "vi": "Kết quả đánh giá rủi ro của chính hệ thống đưa lên cấp này",
    "en": "The system's own risk assessment lifts it to this level",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The level suggested (None: nothing that was said decides), with what holds at that level and why.

    ``open`` are facts left unsaid that could lift the level further.
    """

    level: int | None
    reasons: tuple[Criterion, ...]
    open: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the run document."""
        reasons = [
            {"code": one.code, "level": one.level, "clause": one.clause, "facts": list(one.facts), "text": one.text}
            for one in self.reasons
        ]
        return {"level": self.level, "reasons": reasons, "open": list(self.open)}


def suggest(facts: LevelFacts | None) -> Suggestion | None:
    """The level that the criteria suggest. None where the owner said nothing: no facts, no suggestion."""
    if facts is None or all(value is None for value in facts.model_dump().values()):
        return None
    holding = [one for one in CRITERIA if one.holds(facts)]
    if facts.risk_level is not None:
        lifts = _of("risk", facts.risk_level, ("risk_level",), lambda _: True, _RISK["vi"], _RISK["en"])
        holding.append(lifts)
    level = max((one.level for one in holding), default=None)
    higher = [one for one in CRITERIA if one.level > (level or 0)]
    unsaid = {name for one in higher for name in one.facts if getattr(facts, name) is None}
    return Suggestion(level, tuple(one for one in holding if one.level == level), tuple(sorted(unsaid)))
