# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules for a whole project share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation only."""

    DOCUMENTATION = r"""
options:
  project_src:
    description:
      - Directory of the Compose project on the managed host.
      - Needed unless O(project_name) names a project that has containers.
    type: path
  project_name:
    description:
      - Name of the Compose project.
      - By default the name of the project whose containers were started in O(project_src), or the name that Compose
        itself gives to that directory.
    type: str
  files:
    description:
      - Compose files, absolute or relative to O(project_src), in their order.
      - By default those that the running containers were started with, else those that C(docker compose) takes by itself.
    type: list
    elements: path
    default: []
  profiles:
    description: Profiles to enable.
    type: list
    elements: str
    default: []
  env_files:
    description: Environment files for Compose, beside C(.env).
    type: list
    elements: path
    default: []
  docker_host:
    description:
      - Address of the Docker Engine.
      - By default the environment variable E(DOCKER_HOST), else V(unix:///var/run/docker.sock).
    type: str
requirements:
  - Docker Engine 20.10 or newer
  - Docker Compose 2.18 or newer, for the remediation C(restore_resolver) 2.24.4 or newer
  - docker (Python package) 5.0 or newer
  - PyYAML
  - root, to look into the containers' network namespaces
"""

    GATHERING = r"""
options:
  dependencies:
    description:
      - Dependencies to add to those read from the configuration.
      - A string V(consumer -> host:port/path) or V(consumer -> scheme://host:port/path), or a dictionary with
        V(consumer), V(host), V(port), V(scheme), V(path).
    type: list
    elements: raw
    default: []
  ignore:
    description:
      - Dependencies to leave out, as V(consumer -> host:port), V(consumer -> host), V(host:port) or V(host).
    type: list
    elements: str
    default: []
  separations:
    description:
      - Pairs that must not reach each other, as V(consumer -> host:port).
      - One that can be reached is a finding; one that cannot is as it should be.
    type: list
    elements: str
    default: []
  checks:
    description:
      - HTTP requests that tell whether the project does its work.
      - What passes before a change must pass after it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What the report calls it.
        type: str
      url:
        description: Where to send it.
        type: str
        required: true
      method:
        description: HTTP method.
        type: str
        default: GET
      source:
        description: V(host), or the service from inside whose network namespace it is sent.
        type: str
        default: host
      headers:
        description: Request headers.
        type: dict
        default: {}
      json:
        description: Request body, sent as JSON.
        type: raw
      statuses:
        description: HTTP statuses that pass. By default any below 400.
        type: list
        elements: int
        default: []
  routes:
    description:
      - Routes that a gateway should have, for gateways that read them from an environment variable.
      - Used to tell an empty route table from other causes of a 404, and to fill it.
    type: list
    elements: dict
    default: []
    suboptions:
      gateway:
        description: Service that routes.
        type: str
        required: true
      variable:
        description: Its environment variable with the route table.
        type: str
        required: true
      prefix:
        description: Path prefix.
        type: str
        required: true
      service:
        description: Service to route to.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        required: true
      scheme:
        description: Its scheme.
        type: str
        default: http
  probe_timeout:
    description: Seconds to wait for one answer.
    type: float
    default: 1.0
  probe_external:
    description:
      - Resolve the names outside the project as well, from inside the services that call them.
      - Nothing connects to them. A nameserver that is dead can cost up to 13 seconds.
    type: bool
    default: false
  fallback:
    description:
      - How to ask containers whose network namespaces cannot be entered, because the module does not run as root, or because
        the engine runs on another host, in a virtual machine or rootless.
      - V(exec) runs one small script in such a container, with the tools that it finds there (C(getent), C(nslookup),
        C(bash), C(python3), C(nc), C(curl)).
      - V(helper) asks those that have no shell from a container of one of the project's own images. It shares only their
        network namespace, is never pulled, is removed at once, and is not made in check mode.
      - V(none) leaves them unknown.
      - What is not answered so is unknown, and never taken for health.
    type: str
    choices: [none, exec, helper]
    default: exec
  log_seconds:
    description: How far back the services' logs are read for evidence, in seconds.
    type: int
    default: 900
  state_dir:
    description:
      - Folder on the managed host for checkpoints.
      - By default V(/var/lib/netfix) for root, else V(~/.local/state/netfix).
    type: path
"""
