# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import sys

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError, ProfileError
from ansible_collections.vertice.netfix.plugins.module_utils._host import profiler
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import Source
from ansible_collections.vertice.netfix.plugins.module_utils._host.processes import (
    ProcessMeter,
    command_of,
    family,
    inside_pid,
    is_python,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.profiler import (
    Session,
    Settings,
    cprofile_command,
    read_cprofile,
)
from ansible_collections.vertice.netfix.plugins.module_utils._profile import cprofiled

# py-spy 0.4.3
NO_PYTHON = "Error: No python processes found in process 1 or any of its subprocesses\n\nStack backtrace:\n   0: anyhow"
REFUSED = "Permission Denied: Try running again with elevated permissions by going 'sudo env \"PATH=$PATH\" !!'\n"
DONE = (
    "py-spy> Sampling process 50 times\n\npy-spy> Wrote speedscope file to '/proc/self/fd/8'. Samples: 90 Errors: 10\n"
)
SPEEDSCOPE = {
    "shared": {"frames": [{"name": "main", "file": "a.py", "line": 1}, {"name": "burn", "file": "a.py", "line": 3}]},
    "profiles": [{"type": "sampled", "samples": [[0, 1], [0, 1], [0]]}],
}


def gone(_name):
    raise EngineError("no such container")


def session(**options):
    return Session(Source("shop-web-1", "web", 4711), Settings(seconds=10.0, rate_hz=20), gone, **options)


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        (["python3", "app.py", "-v"], ["python3"], ["app.py", "-v"]),
        (["python3", "-u", "-X", "dev", "app.py"], ["python3", "-u", "-X", "dev"], ["app.py"]),
        (["python3", "-m", "uvicorn", "app:app"], ["python3"], ["-m", "uvicorn", "app:app"]),
    ],
)
def test_a_program_keeps_its_own_options_and_pythons(words, before, after):
    command = cprofile_command(words, 30)
    place = command.index("-c")
    assert command[:place] == before and command[place + 2 :] == ["30", *after]


@pytest.mark.parametrize("words", [["python3"], ["python3", "-c", "pass"], ["python3", "-m"], ["python3", "-u"]])
def test_a_command_without_a_program_is_refused(words):
    with pytest.raises(ProfileError):
        cprofile_command(words, 30)


def test_the_profile_is_found_in_what_was_printed():
    text = f"warning: x\n{cprofiled.ERROR}it ended with 3\n{cprofiled.MARK}{base64.b64encode(b'{0').decode()}\n"
    assert read_cprofile(text) == (b"{0", "it ended with 3")
    with pytest.raises(ProfileError, match="it printed: exec failed: no python3"):
        read_cprofile("exec failed: no python3")


@pytest.mark.parametrize(
    ("said", "why"),
    [(NO_PYTHON, "No python processes found in process 1 or any of its subprocesses"), ("", "")],
)
def test_what_py_spy_complains_of_is_the_reason(said, why):
    assert profiler._why(said) == why
    assert profiler._why(REFUSED).startswith("Permission Denied")
    assert profiler._errors(DONE) == 0.1 and profiler._errors("") == 0.0


def test_what_was_sampled_is_told_with_what_could_not_be():
    made = session(tool="py-spy", speedscope=SPEEDSCOPE, sampled_s=9.9)
    told = made.told(10.0)
    assert (told.outcome, told.samples, told.functions[0].function) == ("ok", 3, "burn")
    made.sampled_s, made.restarts = 4.0, 1
    assert made.told(10.0).outcome == "partly" and "started again" in made.told(10.0).reason
    idle = session(tool="py-spy", speedscope={**SPEEDSCOPE, "profiles": []}, sampled_s=9.9).told(10.0)
    assert (idle.outcome, idle.reason) == ("partly", "no thread did anything in any sample: it was idle")


def test_a_container_that_is_not_here_is_not_measured():
    made = session()
    made.source = Source("shop-web-1", "web", reason="the container is not running (state: exited)")
    made.begin(10.0, 0.0)
    told = made.told(10.0)
    assert (told.tool, told.outcome) == ("none", "not_measured") and "exited" in told.reason


def test_this_process_is_seen_as_what_it_is():
    me = os.getpid()
    assert is_python(me) and me in family(os.getppid()) and inside_pid(me) > 0
    assert os.path.basename(sys.executable) in command_of(me) or "python" in command_of(me)
    meter = ProcessMeter()
    meter.look([me, 2**22 + 1], 1.0)
    (told,) = meter.told()
    assert told.pid == me and told.threads >= 1 and sum(told.states.values()) == pytest.approx(1.0, abs=0.01)
