"""Cores that are really there: of the affinity, the topology and the quota, on made-up machines."""

import struct
from pathlib import Path

import pytest

from detector.cpu import Cores, find_cores, headless_threads, linux_cores, live_threads, windows_records


def machine(root: Path, siblings: dict[int, str], **files: str) -> Path:
    """A root folder with `proc` and `sys`; slashes in the names of files are spelled as two underscores."""
    for cpu, text in siblings.items():
        folder = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(text + "\n")
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


HYPER = {0: "0,4", 1: "1,5", 2: "2,6", 3: "3,7", 4: "0,4", 5: "1,5", 6: "2,6", 7: "3,7"}


class TestLinux:
    def test_two_hardware_threads_of_a_core_are_one_core(self, tmp_path: Path) -> None:
        assert linux_cores(frozenset(range(8)), machine(tmp_path, HYPER)) == Cores(8, 4)

    def test_only_what_the_process_may_run_on_counts(self, tmp_path: Path) -> None:
        root = machine(tmp_path, HYPER)
        assert linux_cores(frozenset({0, 4, 1}), root) == Cores(3, 2)
        assert linux_cores(frozenset({2}), root) == Cores(1, 1)

    def test_without_a_topology_the_list_of_processors_is_read(self, tmp_path: Path) -> None:
        rows = [f"processor\t: {n}\nphysical id\t: {n // 4}\ncore id\t\t: {n % 2}\n" for n in range(8)]
        assert linux_cores(frozenset(range(8)), machine(tmp_path, {}, proc__cpuinfo="\n".join(rows))) == Cores(8, 4)

    def test_without_either_every_hardware_thread_is_a_core(self, tmp_path: Path) -> None:
        root = machine(tmp_path, {}, proc__cpuinfo="processor\t: 0\nBogoMIPS\t: 48\n\nprocessor\t: 1\nBogoMIPS\t: 48\n")
        assert linux_cores(frozenset({0, 1}), root) == Cores(2, 2)

    @pytest.mark.parametrize(
        ("files", "quota"),
        [
            ({"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__cpu.max": "150000 100000\n"}, 1.5),
            ({"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__cpu.max": "max 100000\n"}, None),
            ({"proc__self__cgroup": "0::/a/b\n", "sys__fs__cgroup__a__cpu.max": "200000 100000\n"}, 2.0),
            (
                {
                    "proc__self__cgroup": "0::/a/b\n",
                    "sys__fs__cgroup__a__cpu.max": "200000 100000\n",
                    "sys__fs__cgroup__a__b__cpu.max": "300000 100000\n",
                },
                2.0,
            ),
            (
                {
                    "proc__self__cgroup": "4:memory:/x\n3:cpu,cpuacct:/x\n",
                    "sys__fs__cgroup__cpu,cpuacct__x__cpu.cfs_quota_us": "250000\n",
                    "sys__fs__cgroup__cpu,cpuacct__x__cpu.cfs_period_us": "100000\n",
                },
                2.5,
            ),
            (
                {
                    "proc__self__cgroup": "1:cpu:/\n0::/\n",
                    "sys__fs__cgroup__cpu__cpu.cfs_quota_us": "-1\n",
                    "sys__fs__cgroup__cpu__cpu.cfs_period_us": "100000\n",
                },
                None,
            ),
            ({"proc__self__cgroup": "nonsense\n0::/\n", "sys__fs__cgroup__cpu.max": "1 0\n"}, None),
            ({}, None),
        ],
    )
    def test_the_tightest_quota_of_the_groups_around_it_counts(
        self, tmp_path: Path, files: dict[str, str], quota: float | None
    ) -> None:
        assert linux_cores(frozenset(range(8)), machine(tmp_path, HYPER, **files)) == Cores(8, 4, quota)


class TestWindows:
    def test_cores_are_counted_by_their_records_and_the_affinity(self) -> None:
        records = [(0b11, 0), (0b1100, 0), (0b1111, 3), (0b1111, 2), (0b110000, 0)]  # kinds: core, package, cache
        data = b"".join(struct.pack("<QI4x16x", mask, kind) for mask, kind in records)
        assert windows_records(data, 0b1111) == 2
        assert windows_records(data, 0b100001) == 2
        assert windows_records(data, 0) == 3
        assert windows_records(b"", 0) == 0


def test_this_machine_has_at_least_one_core_and_no_more_than_hardware_threads() -> None:
    cores = find_cores()
    assert 1 <= cores.physical <= cores.logical
    assert 1 <= cores.usable <= cores.physical


@pytest.mark.parametrize(("quota", "usable"), [(None, 4), (0.5, 1), (1.9, 1), (2.0, 2), (16.0, 4)])
def test_a_share_of_a_core_is_no_core_but_one_there_always_is(quota: float | None, usable: int) -> None:
    assert Cores(8, 4, quota).usable == usable


@pytest.mark.parametrize(
    ("physical", "live", "headless"), [(1, 1, 1), (2, 1, 2), (3, 2, 3), (4, 2, 4), (8, 6, 8), (64, 8, 64)]
)
def test_beside_the_picture_cores_are_left_over_and_without_it_none(physical: int, live: int, headless: int) -> None:
    assert live_threads(Cores(2 * physical, physical)) == live
    assert headless_threads(Cores(2 * physical, physical)) == headless


def test_what_was_counted_can_be_said() -> None:
    assert str(Cores(2, 2)) == "2 usable cores"
    assert str(Cores(8, 4)) == "4 usable cores (8 hardware threads)"
    assert str(Cores(8, 4, 1.5)) == "1 usable core (a quota of 1.5 on 4)"
