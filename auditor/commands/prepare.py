"""What comes before a run: plan, doctor, sudoers and inventory check."""

from __future__ import annotations

import shlex
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from auditor import hostkeys, pipeline, registry
from auditor.authority import parse_ip, permit
from auditor.collector import ProbeCollector
from auditor.commands import console
from auditor.i18n import _, current
from auditor.inventories import load_inventory
from auditor.inventoryfile import attachment_mistakes
from auditor.mistakes import InventoryError
from auditor.model import CapdoError
from auditor.pipeline import Wish
from auditor.plan import host_commands
from auditor.plan import sudoers as sudoers_text
from auditor.secrets import fetch, refuse_readable
from auditor.store import Store
from auditor.targets import Inventory, Target


def _address(target: Target) -> str | None:
    return target.link.target if target.link else target.address


def _method(target: Target) -> str:
    return {"link": "links", "service": "tls"}.get(target.kind, "read-login")


def _permit(inventory: Inventory, target: Target) -> Any:
    address = _address(target)
    return permit(inventory, target, _method(target), parse_ip(address) if address else None, datetime.now(UTC))


def plan(path: Path, limit: str | None, as_json: bool) -> None:
    inventory = pipeline.limited(load_inventory(path), Wish(limit=limit))
    told = []
    for target in inventory.targets:
        commands = host_commands(target, registry.collectors().values())
        hosted = target.connect in ("local", "ssh")
        actions = [
            (collector.id, action)
            for collector in registry.collectors().values()
            if isinstance(collector, ProbeCollector) and collector.serves(target)
            for action in collector.actions(target)
        ]
        gate = _permit(inventory, target)
        told.append(
            {
                "target": target.id,
                "kind": target.kind,
                "connect": target.connect,
                "address": _address(target),
                "site": target.site,
                "allowed": gate.allowed,
                "authority": gate.authority,
                "why": gate.why or None,
                "commands": [
                    {"collector": c.id, "argv": list(k.argv), "privilege": k.privilege.value, "timeout_s": k.timeout}
                    for c, k in (commands if hosted else [])
                ],
                "actions": [{"collector": key, "what": a.what, "ports": list(a.ports)} for key, a in actions],
            }
        )
    if as_json:
        console.as_json(told)
        return
    for one in told:
        right = one["authority"] or (
            _("none needed") if one["allowed"] else _("NOT ALLOWED: {why}").format(why=one["why"])
        )
        console.say(
            f"{one['target']}  ({one['kind']}, {one['connect']}, {one['address'] or '–'})  ·  "
            + _("authority: {right}").format(right=right)
        )
        for item in one["commands"]:
            mark = {"none": " ", "ladder": "?", "root": "#"}[item["privilege"]]
            console.say(f"  {mark} {shlex.join(item['argv'])}")
        for item in one["actions"]:
            console.say(f"  → {item['what']}")
    console.say(_("# needs root or sudo -n; ? only where the file may not be read; nothing is written on any target"))


def doctor(path: Path, as_json: bool, db: str | None) -> None:
    inventory = load_inventory(path)
    with Store(db):
        pass
    told = []
    for target in inventory.targets:
        told += [{"target": target.id, "trouble": text} for text in _troubles(inventory, target)]
    if any(target.kind == "link" for target in inventory.targets) and not shutil.which("fping"):
        told.append({"target": "auditor", "trouble": _("fping is not installed: links cannot be measured")})
    if as_json:
        console.as_json(told)
    else:
        for one in told:
            console.say(f"{one['target']}: {one['trouble']}")
        console.say(_("{count} targets looked at, {bad} troubles").format(count=len(inventory.targets), bad=len(told)))
    raise typer.Exit(3 if told else 0)


def _troubles(inventory: Inventory, target: Target) -> list[str]:
    """What would keep a target from being seen, as far as it can be known without a packet."""
    found = []
    gate = _permit(inventory, target)
    if not gate.allowed:
        found.append(_("not authorised: {why}").format(why=gate.why))
    if target.connect == "ssh":
        found += _ssh_troubles(target)
    elif target.connect in ("bundle", "file"):
        found.append(_("connect: {how} is collected by another way and imported").format(how=target.connect))
    return found


def _ssh_troubles(target: Target) -> list[str]:
    settings = target.ssh
    if settings is None or not settings.user or not (settings.key_file or settings.password):
        return [_("no ssh user with a key_file or password is named")]
    found = []
    try:
        if settings.key_file:
            refuse_readable(Path(settings.key_file).expanduser())
        for ref in (settings.password, settings.key_passphrase):
            if ref is not None:
                fetch(ref)
        if settings.host_key:
            hostkeys.parse_key(settings.host_key)
        elif not settings.known_hosts:
            found.append(_("no host key is known: name known_hosts or host_key"))
        else:
            names = hostkeys.host_names(target.address or "", target.address or "", settings.port or 22)
            if not hostkeys.load(Path(settings.known_hosts).expanduser()).keys(names):
                found.append(_("{file} holds no key for {name}").format(file=settings.known_hosts, name=names[0]))
    except (CapdoError, ValueError) as exc:
        found.append(str(exc))
    return found


def sudoers(path: Path, out: Path, limit: str | None) -> None:
    inventory = pipeline.limited(load_inventory(path), Wish(limit=limit))
    out.mkdir(parents=True, exist_ok=True)
    made = 0
    for target in inventory.targets:
        commands = [command for _c, command in host_commands(target, registry.collectors().values())]
        if target.connect != "ssh" or not commands:
            continue
        user = target.ssh.user if target.ssh and target.ssh.user else "capdo"
        file = out / target.id
        file.write_text(sudoers_text(target, user, commands), "utf-8")
        file.chmod(0o440)
        console.say(file)
        made += 1
    if not made:
        raise CapdoError(_("nothing to do: no target is reached by ssh"))


def inventory_check(path: Path) -> None:
    try:
        inventory = load_inventory(path)
        if path.suffix.lower() in (".yaml", ".yml") and (found := attachment_mistakes(path)):
            raise InventoryError(found)
    except InventoryError as exc:
        console.say(exc.text(current()))
        console.tell(_("{count} mistakes").format(count=len(exc.mistakes)))
        raise typer.Exit(2) from None
    kinds: dict[str, int] = {}
    for target in inventory.targets:
        kinds[target.kind] = kinds.get(target.kind, 0) + 1
    parts = ", ".join(f"{count} {_(kind)}" for kind, count in kinds.items()) or "0"
    console.say(_("{path}: no mistakes; targets: {parts}").format(path=path, parts=parts))
