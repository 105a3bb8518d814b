# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 4, the address: kinds of findings about subnets, addresses and routes."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "address.network_ip_exhausted",
        "A network has no address left",
        "Every address of the network's subnet, or of its ip_range, is given away. Containers that want one are created "
        "and never start.",
        confirm="docker network inspect -f '{{json .IPAM.Config}} {{len .Containers}}' <network>",
        why_none="Only a larger subnet helps, and Compose gives it to a new network only (down, then up).",
        fault="network_ip_exhausted",
        references=("https://github.com/moby/moby/issues/35994", "https://github.com/moby/moby/issues/32484"),
    ),
    Kind(
        "address.static_ip_taken_by_dynamic",
        "A fixed address was given to another container",
        "The engine gives away the lowest free address. A container that starts first may get the one that another "
        "service fixes with ipv4_address, which then cannot start.",
        confirm="docker network inspect -f '{{json .Containers}}' <network>",
        why_none="Keep fixed addresses out of the network's ip_range, so that the engine gives away others.",
        fault="static_ip_taken_by_dynamic",
        references=(
            "https://github.com/docker/compose/issues/11899",
            "https://github.com/docker/compose/issues/10926",
        ),
    ),
    Kind(
        "address.static_ip_outside_subnet",
        "A fixed address lies outside the network's subnet",
        "The engine refuses to create a container whose ipv4_address is in no subnet of its network. The network may be "
        "older than the subnet in the Compose file, which an existing network keeps.",
        confirm="docker network inspect -f '{{json .IPAM.Config}}' <network>",
        why_none="Which of the two is right, the address or the subnet, only the operator knows.",
        fault="static_ip_outside_subnet",
        references=(
            "https://github.com/rhastie/easy-nmos/issues/30",
            "https://github.com/docker/compose/issues/9203",
        ),
    ),
    Kind(
        "address.subnet_overlaps_other_network",
        "The subnet belongs to another network already",
        "The engine refuses to make a network whose subnet overlaps that of another one, so Compose starts nothing.",
        confirm="docker network inspect -f '{{json .IPAM.Config}}' <other network>",
        why_none="Choose a free subnet, or none, in the Compose file; the other network is somebody's.",
        fault="subnet_overlaps_other_network",
        references=(
            "https://github.com/maxking/docker-mailman/issues/522",
            "https://github.com/Mailu/Mailu/issues/3812",
        ),
    ),
    Kind(
        "address.subnet_overlaps_host_route",
        "The subnet hides a part of the host's own network",
        "The engine accepts a subnet inside a network that the host has a route to (a local network, a VPN). Containers "
        "then look for those addresses on their own bridge, and the host may look for containers elsewhere. A warning "
        "where nothing was seen to fail by it.",
        confirm="ip -4 route show",
        why_none="Only another subnet helps, and Compose gives it to a new network only (down, then up).",
        fault="subnet_overlaps_host_route",
        references=(
            "https://github.com/docker/for-linux/issues/418",
            "https://github.com/docker/for-linux/issues/599",
            "https://github.com/bitwarden/server/issues/947",
        ),
    ),
    Kind(
        "address.address_pool_exhausted",
        "The engine has no free subnet left",
        "A network without a subnet of its own gets one out of the engine's address pools: 31 by default, less what the "
        "host's routes take. When all are given away, no further network can be made, and Compose starts nothing.",
        confirm="docker network inspect -f '{{.Name}} {{range .IPAM.Config}}{{.Subnet}} {{end}}' $(docker network ls -q)",
        why_none="Which networks may go only their owners know: remove those, give this one a small subnet, or the engine "
        "more pools.",
        fault="address_pool_exhausted",
        references=(
            "https://github.com/docker/for-linux/issues/599",
            "https://github.com/lando/lando/issues/274",
            "https://github.com/concourse/concourse/issues/2155",
        ),
    ),
    Kind(
        "address.unreachable",
        "An address cannot be reached",
        "The name resolves, but the kernel finds no way to the address (no route, or nobody there).",
        confirm="docker exec <consumer> curl -sv --max-time 3 telnet://<host>:<port>",
        why_none="Compare the address with the network's inventory, and look for a rejecting firewall rule.",
    ),
)
