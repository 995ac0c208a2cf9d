"""Privilege by the real sudo: without rights refused, with the generated file exactly the commands and no more."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from auditor import registry
from auditor.collector import Command, Privilege
from auditor.model import Reason
from auditor.plan import host_commands, sudoers
from auditor.script import Output
from auditor.targets import BackupJob, SshSettings, Target
from auditor.transports.ssh import SshTransport
from tests.support import target
from tests.transports.bed import need
from tests.transports.sshd import USER, Sshd, missing

pytestmark = [pytest.mark.root, pytest.mark.net, pytest.mark.live]

# Arguments with everything that means something to sudoers, to a shell or to fnmatch.
ODD = tuple(
    Command(f"odd-{number}", ("/bin/echo", *words), Privilege.ROOT)
    for number, words in enumerate(
        [
            ("a*b", "c?d", "[ef]", "!g", "^h$"),
            ("^only$",),
            ("a,b:c=d", '"quoted"', "'single'", "#hash", "%percent", "@at"),
            ("%y\\n", "\\", "C:\\x\\*", "\\\\", "a\\ b"),
            ("${x}", "$(id)", "`id`", "(p)", "{b}", "~", "+", "|", "&", ";", "<", ">"),
            ("Sở Khoa học", "tệp.txt"),
            (),
        ]
    )
)


LIVELY = ("/bin/ps", "/usr/bin/ss", "/usr/sbin/ss", "/bin/df")
"""Tools whose output differs from one moment to the next."""


def server() -> Target:
    jobs = (
        BackupJob(id="ngay", tool="restic", repo="/srv/backup", password_file="/root/.restic"),
        BackupJob(id="tuan", tool="files", path="/srv/sao-luu", pattern="db-*.sql.gz"),
    )
    return target(backups=jobs, platform="linux")


def privileged() -> list[Command]:
    """All that any collector may run with privilege on a Linux server with backups, each argv once."""
    found = {c.argv: c for _, c in host_commands(server(), registry.collectors().values())}
    return [command for command in found.values() if command.privilege is not Privilege.NONE]


def ask(running: Sshd, commands: Sequence[Command], user: str = USER) -> list[Output]:
    transport = SshTransport("127.0.0.1", "127.0.0.1", SshSettings.model_validate(running.ssh(user)))
    return list(transport.run(commands, 120).outputs)


def allowed(running: Sshd, argvs: Sequence[tuple[str, ...]]) -> list[bool]:
    """Would sudo run each of these for our user, without a password?"""
    asked = [Command(f"c{n}", ("/usr/bin/sudo", "-n", "-l", "--", *argv), timeout=20) for n, argv in enumerate(argvs)]
    outs = ask(running, asked)
    assert {out.problem for out in outs} == {None}
    return [out.exit == 0 for out in outs]


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A host whose sudoers holds exactly the generated file."""
    need(missing() or ("sudo is not installed" if shutil.which("sudo") is None else ""))
    text = sudoers(server(), USER, [*privileged(), *ODD])
    with Sshd(tmp_path_factory.mktemp("granted"), sudoers=text, options=["LogLevel INFO"]) as running:
        yield running


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    need(missing() or ("sudo is not installed" if shutil.which("sudo") is None else ""))
    with Sshd(tmp_path_factory.mktemp("refused"), options=["LogLevel INFO"]) as running:
        yield running


def test_visudo_accepts_the_generated_file(tmp_path: Path) -> None:
    need("" if shutil.which("visudo") else "visudo is not installed")
    file = tmp_path / "capdo"
    for user in (USER, "audit.user", "kiem-tra", "BINHMINH\\audit", "audit@binh-minh"):
        file.write_text(sudoers(server(), user, [*privileged(), *ODD]))
        file.chmod(0o440)
        done = subprocess.run(["visudo", "-cf", str(file)], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr + file.read_text()


def test_the_file_holds_no_wildcard_and_always_noexec() -> None:
    lines = [line for line in sudoers(server(), USER, [*privileged(), *ODD]).splitlines() if "NOPASSWD" in line]
    assert len(lines) == len({c.argv for c in [*privileged(), *ODD]})
    for line in lines:
        assert "NOEXEC" in line
        plain = line.replace("\\\\", "").split("NOEXEC: ")[1]
        for special in "*?[!":
            assert all(plain[at - 1] == "\\" for at, ch in enumerate(plain) if ch == special), line
        assert " ALL" not in plain


def test_without_rights_sudo_is_refused_and_said_so(refused: Sshd) -> None:
    for out in ask(refused, [*privileged(), *ODD]):
        if out.privilege == "sudo":
            assert out.problem is Reason.DENIED, out
            assert out.stdout == b""
        else:
            # as is, because it may be read or is absent; or the tool is not there
            assert out.problem in (None, Reason.NO_TOOL), out
    direct = {out.command.argv for out in ask(refused, privileged()) if out.privilege == "direct"}
    assert not direct & {c.argv for c in privileged() if c.privilege is Privilege.ROOT}


def test_with_the_generated_file_nothing_is_refused(granted: Sshd) -> None:
    outs = ask(granted, [*privileged(), *ODD])
    assert [out for out in outs if out.problem is Reason.DENIED] == []
    odd = {out.command.key: out for out in outs if out.command.key.startswith("odd")}
    for out in odd.values():
        assert (out.stdout.decode(), out.privilege) == (" ".join(out.command.argv[1:]) + "\n", "sudo")


def test_by_sudo_we_see_what_root_sees(granted: Sshd) -> None:
    """NOEXEC and sudo's own environment change nothing of the evidence."""
    climbed, root = ask(granted, privileged()), ask(granted, privileged(), "root")
    for ours, roots in zip(climbed, root, strict=True):
        assert (ours.exit, ours.problem) == (roots.exit, roots.problem), (ours, roots)
        if ours.command.argv[0] not in LIVELY:
            assert ours.stdout == roots.stdout, ours.command.argv


def variations(argv: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for extra in ("--help", "-o", "/etc/shadow", "-exec", ";", "*", ""):
        yield (*argv, extra)
    yield (argv[0], "--extra", *argv[1:])
    if len(argv) > 1:
        yield argv[:-1]
        yield (argv[0], *argv[2:])
        yield (*argv[:-1], "/etc/shadow")
        yield (*argv[:-1], argv[-1] + "x")
        yield (*argv[:-1], argv[-1] + "/../shadow")
        yield (*argv[:-1], argv[-1].upper() + "0")
        yield (argv[0], *argv[1:], *argv[1:])
    yield ("/tmp" + argv[0], *argv[1:])
    yield ("/bin/sh", "-c", " ".join(argv))


def test_each_line_allows_its_argv_and_no_variation(granted: Sshd) -> None:
    commands = [c.argv for c in (*privileged(), *ODD) if Path(c.argv[0]).exists()]
    exact = set(commands)
    assert allowed(granted, commands) == [True] * len(commands)
    tried = [other for argv in commands for other in variations(argv) if other not in exact]
    # sudo compares arguments joined by blanks, so only differences in the words themselves count.
    joined = {(argv[0], " ".join(argv[1:])) for argv in commands}
    tried = [argv for argv in tried if (argv[0], " ".join(argv[1:])) not in joined and Path(argv[0]).exists()]
    assert len(tried) > 10 * len(commands)
    for start in range(0, len(tried), 100):
        part = tried[start : start + 100]
        assert [argv for argv, yes in zip(part, allowed(granted, part), strict=True) if yes] == []


def test_another_user_gains_nothing(granted: Sshd) -> None:
    """The file names one user; sudo as any other identity than root is refused to him too."""
    others = [("-u", "daemon", *ODD[-1].argv), ("-u", "nobody", *ODD[-1].argv)]
    asked = [Command(f"c{n}", ("/usr/bin/sudo", "-n", *argv)) for n, argv in enumerate(others)]
    assert all(out.exit == 1 for out in ask(granted, asked))


def test_a_hung_root_command_is_ended(tmp_path: Path) -> None:
    need(missing() or ("sudo is not installed" if shutil.which("sudo") is None else ""))
    hung = Command("hung", ("/bin/sleep", "47"), Privilege.ROOT, timeout=1)
    with Sshd(tmp_path / "s", sudoers=sudoers(server(), USER, [hung]), options=["LogLevel INFO"]) as running:
        first, second = ask(running, [hung, Command("after", ("/bin/echo", "on"))])
    assert (first.privilege, first.problem) == ("sudo", Reason.TIMEOUT)
    assert second.stdout == b"on\n"
    left = subprocess.run(["pgrep", "-xf", "/bin/sleep 47"], capture_output=True, timeout=10, check=False)
    assert left.stdout == b""
