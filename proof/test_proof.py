"""What verdicts are read from: python3 -m unittest proof.test_proof."""

import unittest

from .lines.catalogue import Line, load
from .lines.judge import control, judge
from .lines.machine import NOT_THERE, apart
from .lines.places import answers
from .lines.runs import WAYS, of
from .projects import tests_said
from .projects.compare import cause
from .projects.sides import Limit, run


class Judging(unittest.TestCase):
    attack = Line(id="a", what="", must="fail", run="x")
    work = Line(id="w", what="", must="work", run="x")

    def test_an_attack_passes_only_when_it_was_refused(self):
        oks = {code: judge(self.attack, code, "").ok for code in (0, 1, 2, 98, 124, 126, 127, 137, 139, 159, None)}
        self.assertEqual({code for code, ok in oks.items() if ok}, {1, 2, 159})

    def test_what_must_work_ends_with_zero(self):
        self.assertEqual([judge(self.work, code, "").ok for code in (0, 1, 127)], [True, False, False])

    def test_a_control_is_the_same_line_working_outside(self):
        self.assertTrue(control(self.attack, 0, "").ok)
        self.assertFalse(control(self.attack, 1, "").ok)

    def test_a_line_cannot_answer_for_another(self):
        said = "noise\nLINE a 1\nSAID LINE b 0 SAID\nLINE b 2\nSAID \n"
        self.assertEqual(answers(said), {"a": (1, "LINE b 0 SAID"), "b": (2, "")})

    def test_the_catalogue_is_in_order_and_large(self):
        lines = load()
        self.assertGreaterEqual(sum(line.must == "fail" for line in lines), 80)
        self.assertGreaterEqual(sum(line.must == "work" for line in lines), 40)

    def test_every_way_into_a_run_tries_ten_lines_at_least(self):
        few = {way: len(of(way, load())) for way in WAYS if len(of(way, load())) < 10}
        self.assertEqual(few, {})

    def test_a_machine_tries_most_lines_and_names_the_others(self):
        lines = [line for line in load() if "command" in line.places]
        there, left = apart(lines)
        self.assertGreaterEqual(len(there), 120)
        self.assertEqual(len(there) + sum(map(len, left.values())), len(lines))
        self.assertLessEqual({key for ids in NOT_THERE.values() for key in ids}, {line.id for line in lines})


class Counting(unittest.TestCase):
    def test_runners_say_how_many_passed(self):
        said = {
            tests_said.cargo: "test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: FAILED. 1 passed; 2 failed;",
            tests_said.pytest: "\x1b[32m== 4 passed\x1b[0m, 2 failed, 1 skipped in 0.12s ==",
            tests_said.npm: "  12 passing (3ms)\n  1 failing\n",
        }
        self.assertEqual([read(text) for read, text in said.items()], [(4, 2), (4, 2), (12, 1)])
        self.assertEqual(tests_said.npm("# tests 3\n# pass  3\n"), (3, 0))
        self.assertEqual(tests_said.npm("Tests: 1 failed, 5 passed, 6 total"), (5, 1))
        self.assertIsNone(tests_said.npm("done"))

    def test_a_refused_address_is_the_first_cause(self):
        self.assertIn("egress", cause("EPERM\nexample.org:443 was refused: not on the list"))


class Limits(unittest.TestCase):
    def ran(self, line, limit):
        return run(["sh", "-c", line], {"PATH": "/usr/bin:/bin"}, "/", limit)

    def test_what_uses_the_processor_up_is_ended_with_all_it_began(self):
        # The child computes, and who began it waits: together they are over the limit, long before the clock is.
        ran = self.ran("sh -c 'while :; do :; done'; echo never", Limit(clock=60, processor=1))
        self.assertTrue(ran.timed_out and "never" not in ran.text)
        self.assertLess(ran.seconds, 30)

    def test_what_waits_is_ended_by_the_clock_alone(self):
        self.assertTrue(self.ran("sleep 60", Limit(clock=1, processor=0.9)).timed_out)
        self.assertEqual(self.ran("echo done", Limit(clock=60, processor=1)).text, "done\n")


if __name__ == "__main__":
    unittest.main()
