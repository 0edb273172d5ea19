"""The table of benchmarks and how it is measured."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benches.rows import MEASURES, Options, measured, row

from dlms_fw.bench import (
    Figure,
    Line,
    MeasurementFailed,
    Row,
    Table,
    Target,
    Work,
    calls,
    compare,
    in_fresh_process,
    loop,
)
from dlms_fw.bench.chart import svg
from dlms_fw.bench.report import from_json, to_json


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Figure(1.25e-7), "125 ns"),
        (Figure(0.0314), "31.4 ms"),
        (Figure(67.2), "67.2 s"),
        (Figure(0.0), "0 ns"),
        (Figure(16 * 1024 * 1024, "B"), "16 MiB"),
        (Figure(1500, "B"), "1.46 KiB"),
        (Figure(111_000, "blocks/s"), "111,000 blocks/s"),
        (Figure(0.0092, "CPU s/MiB"), "0.009 CPU s/MiB"),
    ],
)
def test_figures_are_written_with_the_prefix_that_fits(figure: Figure, text: str) -> None:
    assert str(figure) == text


def test_a_target_is_met_on_its_bound_and_missed_beyond() -> None:
    assert Target.at_least(2).met_by(2.0)
    assert not Target.at_least(2).met_by(1.99)
    assert Target.at_most(0.4).met_by(0.4)
    assert not Target.at_most(0.4).met_by(0.41)
    assert Target.at_least(2).margin(4.0) == Target.at_most(0.4).margin(0.2) == 2.0


def line(ratio: float | None, target: Target | None) -> Line:
    return Line("1 KiB", Figure(1e-6), "zlib.crc32", Figure(2e-6), ratio, target)


def test_a_row_is_met_when_it_is_measured_and_no_line_misses() -> None:
    good, bad = line(2.0, Target.at_least(2)), line(1.0, Target.at_least(2))
    inform, unmeasured = line(0.1, None), line(None, Target.at_least(2))
    assert Row(1, "FCS", (good, inform)).met
    assert not Row(1, "FCS", (good, bad)).met
    assert not Row(1, "FCS", (unmeasured,)).met
    assert not Row(1, "FCS", (good,), error="broke in the middle").met
    assert not Row(1, "FCS").met


def test_the_table_names_what_is_missed_and_leaves_no_row_out() -> None:
    table = Table(
        "Rows",
        (Row(1, "FCS", (line(2.0, Target.at_least(2)), line(0.1, None))), Row(2, "frames", error="no core")),
    )
    text = str(table)
    assert "zlib.crc32 2 µs" in text
    assert "2  frames   not measured" in text
    assert text.endswith("1 of 2 rows met; not met: 2\n2: no core")
    assert not table.met


def test_a_row_keeps_the_lines_before_a_failure() -> None:
    def lines() -> object:
        yield line(2.0, None)
        raise MeasurementFailed("the second case")

    found = row(1, lines())  # type: ignore[arg-type]
    assert len(found.lines) == 1
    assert "the second case" in found.error


def test_every_wanted_row_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its module does: it lacks one, breaks, or cannot be imported."""

    class Module:
        @staticmethod
        def rows(options: Options) -> object:
            yield row(3, [line(2.0, None)])
            raise RuntimeError("broken")

    modules = {"benches.rows.fcs": Module}
    monkeypatch.setattr("benches.rows.importlib.import_module", modules.__getitem__)
    found = list(measured(Options(quick=True)))
    assert sorted(each.number for each in found) == sorted(MEASURES)
    assert [each.number for each in found if each.met] == [3]
    assert next(each for each in found if each.number == 1).error == "RuntimeError: broken"
    assert "benches.rows.frames" in next(each for each in found if each.number == 5).error


def test_both_sides_run_in_turns_with_the_collector_off() -> None:
    order: list[str] = []
    seconds = iter(range(1000))

    def side(name: str) -> object:
        def run(prepared: object) -> None:
            assert prepared == name
            assert not gc.isenabled()
            order.append(name)

        return lambda operations: Work(run, lambda: name)

    compare(
        side("a"),  # type: ignore[arg-type]
        side("b"),  # type: ignore[arg-type]
        rounds=9,
        operations=1,
        clock=lambda: float(next(seconds)),
    )
    assert order == ["a", "b"] * 11
    assert gc.isenabled()


def test_a_call_is_made_as_often_as_it_is_asked_for() -> None:
    made: list[tuple[int, ...]] = []
    calls(lambda *arguments: made.append(arguments), 1, 2)(3).run(None)
    calls(lambda *arguments: made.append(arguments))(2).run(None)
    assert made == [(1, 2)] * 3 + [()] * 2


def test_twice_the_work_takes_longer() -> None:
    numbers, twice = list(range(1000)), list(range(20_000))
    found = compare(calls(sum, twice), calls(sum, numbers), overhead=loop)
    assert found.time_ratio > 2
    assert found.speed_ratio < 0.5


def work_in_a_fresh_process(*, size: int) -> int:
    print("this is no result")
    return len(bytearray(size))


def test_a_fresh_process_tells_result_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    found = in_fresh_process("test_bench_table:work_in_a_fresh_process", {"size": 32 << 20})
    assert found.result == 32 << 20
    assert found.peak - found.before["VmRSS"] > 31 << 20


def test_a_fresh_process_that_fails_says_why() -> None:
    with pytest.raises(MeasurementFailed, match="no_such_function"):
        in_fresh_process("dlms_fw.bench.table:no_such_function")


def sample() -> Table:
    return Table(
        "Rows & figures",
        (
            Row(1, "FCS", (line(4.0, Target.at_least(2)), line(0.1, None))),
            Row(6, "APDU <protected>", (line(1.0, Target.at_most(0.4)),)),
            Row(7, "broken", error="no core"),
        ),
    )


def test_a_report_is_read_back_as_it_was_written() -> None:
    written = to_json([sample()])
    assert from_json(written) == [sample()]
    machine = json.loads(written)["machine"]
    assert machine["processor"]
    assert machine["cryptography"]
    with pytest.raises(ValueError, match="no report"):
        from_json("{}")


def test_the_picture_has_a_bar_for_each_line_with_a_target() -> None:
    """On the target's right where it is met, on its left where it is missed."""
    picture = ElementTree.fromstring(svg([sample()]))
    bars = [it for it in picture.iter("{http://www.w3.org/2000/svg}rect") if it.get("class") != "ground"]
    assert [bar.get("class") for bar in bars] == ["good", "bad"]
    target = next(
        it for it in picture.iter("{http://www.w3.org/2000/svg}line") if it.get("class") == "target"
    )
    good, bad = bars
    assert float(good.get("x", "")) == float(target.get("x1", ""))
    assert float(bad.get("x", "")) + float(bad.get("width", "")) == pytest.approx(
        float(target.get("x1", "")), 0.01
    )
    # Twice as good is as long as half as good, and 0.4 of the target is longer.
    assert float(bad.get("width", "")) > float(good.get("width", ""))
    assert "not measured" in "".join(picture.itertext())
