# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 7, the host: kinds of findings that explain many failures at once."""

from __future__ import annotations

from ...model import Severity
from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "host.docker_user_drop",
        "A firewall rule in DOCKER-USER drops packets between services",
        "Docker lets every packet through the operator's chain DOCKER-USER first. A rule there, or in a chain that it jumps "
        "to, drops what a service sends to another: names resolve, connections time out.",
        confirm="iptables -nvL DOCKER-USER --line-numbers",
        why_none="It may be somebody's policy. The finding names the rule and the command that takes it away.",
        fault="docker_user_drop",
        references=("https://docs.docker.com/engine/network/packet-filtering-firewalls/",),
    ),
    Kind(
        "host.docker_user_reject",
        "A firewall rule in DOCKER-USER rejects packets between services",
        "As a rule that drops, but callers are told at once: 'no route to host', or 'refused' although somebody listens.",
        confirm="iptables -nvL DOCKER-USER --line-numbers",
        why_none="It may be somebody's policy. The finding names the rule and the command that takes it away.",
        fault="docker_user_reject",
        references=("https://docs.docker.com/engine/network/packet-filtering-firewalls/",),
    ),
    Kind(
        "host.forward_rule",
        "A firewall rule before Docker's stops packets between services",
        "A rule of the operator in the FORWARD chain, before the rules that Docker makes for every bridge, drops or rejects "
        "what a service sends to another.",
        confirm="iptables -nvL FORWARD --line-numbers",
        why_none="It may be somebody's policy. The finding names the rule and the command that takes it away.",
        fault="forward_rule",
        references=("https://github.com/moby/moby/issues/23897",),
    ),
    Kind(
        "host.host_input_firewall",
        "The host's firewall keeps containers from calling the host",
        "What a container sends to the host itself meets the INPUT chain, not Docker's. A rule there, or the chain's policy, "
        "stops it; containers still reach each other.",
        confirm="iptables -nvL INPUT --line-numbers",
        why_none="It may be somebody's policy. If it is not, accept the network's bridge, or its subnet, in INPUT.",
        fault="host_input_firewall",
        references=(
            "https://github.com/chaifeng/ufw-docker/issues/53",
            "https://github.com/moby/moby/issues/49288",
        ),
    ),
    Kind(
        "host.internal_network_no_published_port",
        "A port is not published because the network is internal",
        "The configuration publishes a port, but the container is on internal networks only: the engine publishes nothing "
        "there, and says nothing.",
        confirm="docker port <container>",
        why_none="internal: true may be policy: put this one service on a second network that is not internal.",
        fault="internal_network_no_published_port",
        references=("https://github.com/moby/moby/issues/36174", "https://github.com/docker/compose/issues/6534"),
    ),
    Kind(
        "host.multihomed_default_route",
        "The default route leads into a network that cannot reach out",
        "A container on several networks sends what leaves them through one: the first by name, unless gw_priority (Engine "
        "28) says another. Here that one does not translate addresses, and another one would.",
        confirm="docker exec <container> cat /proc/net/route",
        why_none="Whether anything has to reach out that way only the operator knows: set gw_priority, or rename the networks.",
        fault="multihomed_default_route",
        severity=Severity.WARNING,
        references=(
            "https://github.com/moby/moby/issues/21741",
            "https://github.com/moby/moby/issues/20179",
            "https://github.com/docker/compose/issues/12616",
        ),
    ),
    Kind(
        "host.dockerd_down_live_restore",
        "The engine is down while its containers live on",
        "dockerd answers the names of a user-defined network itself. With live-restore, or after a crash, the containers "
        "run on without it: connections by address work, every name is refused at 127.0.0.11, and docker-proxy is gone "
        "from published ports.",
        confirm="timeout 5 docker version; ps -o pid,stat,etime,args -C dockerd,containerd",
        why_none="Read why it ended (journalctl -u docker -n 50), then start it: systemctl start docker. If names stay "
        "away afterwards, restart the containers.",
        fault="dockerd_down_live_restore",
        references=(
            "https://github.com/moby/moby/issues/45646",
            "https://github.com/docker/for-linux/issues/1250",
            "https://docs.docker.com/engine/daemon/live-restore/",
        ),
    ),
    Kind(
        "host.dockerd_hung",
        "The engine hangs",
        "dockerd takes requests and answers none: docker ps never ends, names are asked for in vain until the resolver "
        "gives up. Connections by address work.",
        confirm="timeout 5 docker version; ps -o pid,stat,etime,args -C dockerd,containerd",
        why_none="Keep what shows why (kill -USR1 writes its stacks to its log), then let it go on (kill -CONT, where it "
        "is stopped) or restart it: systemctl restart docker stops all containers unless live-restore is on.",
        fault="dockerd_hung",
        references=(
            "https://github.com/moby/moby/issues/42386",
            "https://github.com/moby/moby/issues/33664",
        ),
    ),
    Kind(
        "host.host_firewall_flush",
        "Docker's firewall rules are gone",
        "Somebody flushed the host's tables (a firewall script, a reload of iptables or firewalld). Docker's chains are "
        "gone, and what its rules accepted meets the DROP of the FORWARD chain; or the nat table's rules are gone, and what "
        "containers send to other hosts keeps an address that finds no way back. Names resolve: the embedded DNS sends "
        "nothing through the host's firewall.",
        confirm="iptables -S FORWARD; iptables -S DOCKER; iptables -t nat -S",
        remediations=("host_firewall",),
        fault="host_firewall_flush",
        references=(
            "https://github.com/moby/moby/issues/16816",
            "https://github.com/moby/moby/issues/10218",
            "https://github.com/moby/moby/issues/35043",
            "https://github.com/moby/libnetwork/issues/947",
        ),
    ),
    Kind(
        "host.ip_forward_disabled",
        "The host does not forward packets",
        "net.ipv4.ip_forward is 0: containers on one bridge reach each other, and the host reaches published ports, but "
        "nothing passes between a container and another host. A warning where nothing was seen to fail by it.",
        confirm="sysctl net.ipv4.ip_forward",
        remediations=("host_firewall",),
        fault="ip_forward_disabled",
        references=(
            "https://github.com/moby/moby/issues/27319",
            "https://github.com/moby/moby/pull/7349",
            "https://github.com/awailly/cis-ubuntu-ansible/pull/104",
        ),
    ),
    Kind(
        "host.dockerd_iptables_false",
        "The engine writes no firewall rules",
        "With iptables=false nothing is masqueraded on its way out, networks are not kept apart, and ports are published "
        "by docker-proxy alone; without userland-proxy not at all. A warning where nothing was seen to fail by it.",
        confirm="grep -s iptables /etc/docker/daemon.json; iptables -t nat -S DOCKER",
        why_none="Take iptables=false out of the engine's settings and restart it; or write the rules that it would have "
        "written (masquerade, DNAT, isolation) yourself.",
        fault="dockerd_iptables_false",
        references=(
            "https://github.com/docker/docs/issues/21634",
            "https://docs.docker.com/engine/network/packet-filtering-firewalls/",
        ),
    ),
    Kind(
        "host.bridge_hairpin",
        "A published port does not answer its own network",
        "Without docker-proxy the kernel turns a packet for the host's published port round to a container on the same "
        "bridge. Its answer goes straight back over the bridge, where bridge-nf-call-iptables=0 keeps the kernel from "
        "turning it back: the caller gets an answer from a stranger.",
        confirm="sysctl net.bridge.bridge-nf-call-iptables",
        why_none="Let services of one network call each other by name and container port; the host's port is for others.",
        fault="bridge_hairpin",
        references=(
            "https://github.com/docker/docs/issues/17312",
            "https://github.com/moby/moby/pull/12165",
        ),
    ),
    Kind(
        "host.arp_table_overflow",
        "The host's neighbour table is full",
        "All network namespaces of a host share one table of neighbours, 1024 entries by default (gc_thresh3). Many "
        "containers that talk to each other fill it: then packets to new neighbours vanish, here and in every other stack "
        "of the host. A warning where nothing was seen to fail by it.",
        confirm="cat /proc/net/stat/arp_cache; sysctl net.ipv4.neigh.default.gc_thresh3",
        why_none="Raise net.ipv4.neigh.default.gc_thresh1, gc_thresh2 and gc_thresh3 in the host's own namespace.",
        fault="arp_table_overflow",
        references=(
            "https://github.com/moby/libnetwork/issues/1522",
            "https://github.com/canonical/lxd/issues/4799",
            "https://github.com/e2b-dev/infra/pull/3508",
        ),
    ),
)
