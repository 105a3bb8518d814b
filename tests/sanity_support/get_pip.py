# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for the get-pip.py that ansible-test downloads, for machines that reach a package index and nothing else.

It takes the pip that is bundled with Python, then asks the package index for the wanted versions.
"""

from __future__ import annotations

import ensurepip
import os
import runpy
import sys

if __name__ == "__main__":
    wanted = [arg for arg in sys.argv[1:] if arg not in ("--no-setuptools", "--no-wheel")]
    kept = dict(os.environ)
    # bootstrap() drops every PIP_* variable, certificates included, and points PIP_CONFIG_FILE at /dev/null.
    ensurepip.bootstrap(upgrade=True)
    os.environ.pop("PIP_CONFIG_FILE", None)
    os.environ.update({name: value for name, value in kept.items() if name.startswith("PIP_")})
    for name in [name for name in sys.modules if name == "pip" or name.startswith("pip.")]:
        del sys.modules[name]
    sys.argv = ["pip", "install", "--upgrade", *wanted]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
