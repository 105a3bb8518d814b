# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten services behind an nginx that publishes a port, of the lab's parts, and two ways to break one route of them.

    nginx ──► orders, stock, shop        shop ──► users        and six more that nobody calls

All services stop at once when they are told to, and need no time to start: that favours whatever restarts them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
IMAGE = "netfix-lab:latest"
ORDERS, STOCK, SHOP = "/orders/1", "/stock/1", "/shop/users/1"
NGINX = """\
events {{}}
http {{
    access_log off;
    server {{
        listen 8080 backlog=511;
        proxy_connect_timeout 1s;
{locations}
    }}
}}
"""


class Shop:
    """One copy in a folder, as the context; it is taken down at the end."""

    def __init__(self, folder: Path, project: str, port: int, subnet: str) -> None:
        self.folder, self.project, self.port = folder, project, port
        self._network = f"{project}_default"
        folder.mkdir(parents=True)
        shutil.copytree(ROOT / "lab" / "reference" / "app", folder / "app")
        locations = [
            f"        location /{name} {{ proxy_pass http://{name}:8000; }}" for name in ("orders", "stock", "shop")
        ]
        (folder / "nginx.conf").write_text(NGINX.format(locations="\n".join(locations)))
        (folder / "compose.yml").write_text(json.dumps(self._services(subnet)))

    def _services(self, subnet: str) -> dict[str, Any]:
        part = {"image": IMAGE, "pull_policy": "never", "init": True, "volumes": ["./app:/srv/app:ro"]}
        backend = {**part, "command": ["python3", "/srv/app/backend.py"]}
        services: dict[str, Any] = {
            "edge": {
                **part,
                "command": ["nginx", "-c", "/etc/lab/nginx.conf", "-g", "daemon off;"],
                "volumes": ["./nginx.conf:/etc/lab/nginx.conf:ro"],
                "ports": [f"127.0.0.1:{self.port}:8080"],
                "depends_on": ["orders", "stock", "shop"],
            },
            "shop": {
                **part,
                "command": ["python3", "/srv/app/gateway.py"],
                "environment": {"PORT": "8000", "STRIP": "1", "ROUTES": "/shop=http://users:8000"},
            },
        }
        for name in ("users", "orders", "stock", *(f"part{n}" for n in range(1, 6))):
            services[name] = {**backend, "environment": {"NAME": name}}
        return {"services": services, "networks": {"default": {"ipam": {"config": [{"subnet": subnet}]}}}}

    def __enter__(self) -> Shop:
        self.compose("up", "--detach")
        self.wait(ORDERS, STOCK, SHOP)
        return self

    def __exit__(self, *_exc: Any) -> None:
        self.compose("down", "--timeout", "2")

    @property
    def options(self) -> dict[str, Any]:
        """What the operator tells the collection about it."""
        checks = [{"name": path, "url": self._url(path)} for path in (ORDERS, STOCK, SHOP)]
        return {"project_src": str(self.folder), "project_name": self.project, "checks": checks}

    def compose(self, *words: str) -> None:
        """One command of Compose, without our override file."""
        line = ["docker", "compose", "--project-directory", self.folder, "--file", self.folder / "compose.yml"]
        docker(*line[1:], "--project-name", self.project, *words)

    def take_a_name_away(self) -> None:
        """Somebody has reconnected users by hand: shop does not find it any more."""
        users = f"{self.project}-users-1"
        docker("network", "disconnect", self._network, users)
        docker("network", "connect", self._network, users)
        self.wait(SHOP, status=502)

    def move_stock(self) -> None:
        """Stock comes back under another address, and nginx keeps the old one."""
        stock, squatter = f"{self.project}-stock-1", f"{self.project}-squatter"
        address = docker(
            "inspect", "--format", f'{{{{(index .NetworkSettings.Networks "{self._network}").IPAddress}}}}', stock
        )
        docker("network", "disconnect", self._network, stock)
        docker("run", "--detach", "--pull", "never", "--init", "--name", squatter, "--network", self._network,
               "--ip", address, IMAGE, "sleep", "60")  # fmt: skip
        docker("network", "connect", "--alias", "stock", self._network, stock)
        docker("rm", "--force", squatter)
        self.wait(STOCK, status=504)

    def wait(self, *paths: str, status: int = 200) -> None:
        """Until those paths are answered so, half a minute at most."""
        deadline = time.monotonic() + 30
        for path in paths:
            while (found := self._status(path)) != status:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{self._url(path)} answers {found} and not {status}.")
                time.sleep(0.02)

    def _status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self._url(path), timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as exc:
            return exc.code
        except OSError:
            return 0

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def docker(*words: object) -> str:
    """The output of one command of the Docker client; SystemExit with what it said where it fails."""
    done = subprocess.run(["docker", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"docker {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout.strip()
