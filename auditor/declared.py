"""Makes the ``declared`` evidence of a target from the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from auditor.evidence.declared import DeclaredTarget
from auditor.model import Seen
from auditor.targets import System, Target

_REGISTER = {
    "server": ("site", "role", "agency", "systems", "platform"),
    "endpoint": ("agency", "platform"),
    "device": ("site", "role", "agency", "platform"),
    "service": ("agency", "systems"),
    "link": ("agency",),
}


def declared(target: Target, systems: Mapping[str, System], digest: str, now: datetime) -> DeclaredTarget:
    """The facts the inventory states about ``target``; ``digest`` is the snapshot's sha256."""
    link = target.link
    sla = link.sla if link else None
    return DeclaredTarget(
        seen=Seen(collected_at=now, now=now, observations=(digest,)),
        kind=target.kind,
        platform=target.platform,
        role=target.role,
        level=target.level,
        level_status=tuple(
            (name, systems[name].level_status, systems[name].decision is not None)
            for name in target.systems
            if name in systems
        ),
        missing=tuple(name for name in _REGISTER[target.kind] if not getattr(target, name)),
        ports=target.ports,
        networks=target.networks,
        backups=tuple(job.id for job in target.backups),
        separate_backups=tuple(job.id for job in target.backups if job.separate),
        link_kind=link.kind if link else None,
        link_provider=link.provider if link else None,
        link_backup=link.backup if link else None,
        link_encrypted=link.encrypted if link else None,
        sla_rtt_ms=sla.rtt_ms if sla else None,
        sla_loss_pct=sla.loss_pct if sla else None,
    )
