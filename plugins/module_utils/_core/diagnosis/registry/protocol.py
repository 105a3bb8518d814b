# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6, the protocol: kinds of findings about who wrote the wrong answer."""

from __future__ import annotations

from ...model import Severity
from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "protocol.gateway_empty_route_table_404",
        "The gateway has no routes",
        "The gateway itself answers 404 to everything: its route table is empty. DNS, addresses and ports are fine; "
        "rebuilding a network cannot help.",
        confirm="docker exec <gateway> printenv <variable>",
        remediations=("correct_upstreams",),
        fault="gateway_empty_route_table_404",
        references=("https://github.com/traefik/traefik/issues/4153",),
    ),
    Kind(
        "protocol.gateway_discovery_drops_unresolved_404",
        "The gateway dropped routes when it started",
        "The gateway makes its routes when it starts, and leaves out those whose names do not resolve at that moment. "
        "They resolve by now, but nobody asks again: the gateway answers 404 until it is restarted.",
        confirm="docker logs <gateway> 2>&1 | grep -F '<name>'",
        remediations=("refresh_upstreams",),
        fault="gateway_discovery_drops_unresolved_404",
        references=(
            "https://github.com/spring-cloud/spring-cloud-gateway/issues/2165",
            "https://github.com/traefik/traefik/issues/7842",
        ),
    ),
    Kind(
        "protocol.gateway_prefix_stripped_404",
        "The gateway cuts the path",
        "The provider itself writes the 404: the gateway takes a part of the path away before it passes the request on, "
        "and the provider has only the whole one.",
        confirm="nsenter -t <pid of the gateway> -n curl -si http://<provider's address>:<port><path>",
        why_none="Only the gateway's or the provider's own configuration can say which path is meant.",
        fault="gateway_prefix_stripped_404",
        references=("https://github.com/spring-cloud/spring-cloud-gateway/issues/3587",),
    ),
    Kind(
        "protocol.gateway_maps_upstream_errors_to_404",
        "The gateway says 404 where it means 502",
        "The gateway answers 404 when it cannot resolve or reach what is behind it. The cause is another finding; this "
        "warns that the status hides it.",
        confirm="curl -si <url>",
        why_none="The gateway's own error handling must say 502 or 504.",
        fault="gateway_maps_upstream_errors_to_404",
        severity=Severity.WARNING,
        references=("https://github.com/tinyproxy/tinyproxy/pull/407",),
    ),
    Kind(
        "protocol.stale_ip_nginx_502",
        "nginx keeps an address that moved",
        "nginx resolves the names of its upstreams once, when it starts. The provider has another address since; "
        "its old one belongs to somebody else, who refuses.",
        confirm="docker logs --tail 50 <nginx> 2>&1 | grep -F <old address>",
        remediations=("refresh_upstreams",),
        fault="stale_ip_nginx_502",
        references=(
            "https://github.com/NginxProxyManager/nginx-proxy-manager/issues/1021",
            "https://github.com/langgenius/dify/pull/40808",
        ),
    ),
    Kind(
        "protocol.stale_ip_nginx_no_host_504",
        "nginx keeps an address that nobody has",
        "nginx resolves the names of its upstreams once, when it starts. The provider has another address since; "
        "nobody answers at its old one, so that nginx waits until it gives up.",
        confirm="docker logs --tail 50 <nginx> 2>&1 | grep -F <old address>",
        remediations=("refresh_upstreams",),
        fault="stale_ip_nginx_no_host_504",
        references=("https://github.com/NginxProxyManager/nginx-proxy-manager/issues/1021",),
    ),
    Kind(
        "protocol.stale_ip_gateway_cache_python",
        "A gateway keeps an address that moved",
        "The gateway (or its HTTP client) looks a name up once and keeps the address. The provider has another one since.",
        confirm="docker logs --tail 50 <gateway> 2>&1 | grep -F <old address>",
        remediations=("refresh_upstreams",),
        fault="stale_ip_gateway_cache_python",
        references=("https://github.com/jenkinsci/docker/issues/993",),
    ),
    Kind(
        "protocol.nginx_no_resolver_for_variable",
        "nginx has no resolver for a name in a variable",
        "With a variable in proxy_pass nginx looks the name up for each request, and asks only the nameservers that its "
        "'resolver' directive names: there is none. The container itself resolves the name.",
        confirm="docker logs --tail 50 <nginx> 2>&1 | grep resolve",
        remediations=("correct_upstreams",),
        fault="nginx_no_resolver_for_variable",
        references=("https://github.com/docker/compose/issues/3412",),
    ),
    Kind(
        "protocol.nginx_resolver_bypasses_docker_dns",
        "nginx asks another nameserver than Docker's",
        "The 'resolver' directive names a nameserver that does not know the project's services. nginx reads neither "
        "resolv.conf nor /etc/hosts, so that names resolve everywhere in the container but in nginx.",
        confirm="docker logs --tail 50 <nginx> 2>&1 | grep resolve",
        remediations=("correct_upstreams",),
        fault="nginx_resolver_bypasses_docker_dns",
        references=(
            "https://github.com/hypothesis/via/pull/416",
            "https://github.com/hassio-addons/app-nginx-proxy-manager/issues/177",
        ),
    ),
    Kind(
        "protocol.nginx_config_not_mounted_404",
        "nginx does not read the configuration with the routes",
        "nginx answers with its default site, or another one that passes nothing on: the file with the routes is not "
        "mounted, or where this build of nginx does not look.",
        confirm="docker exec <nginx> nginx -T 2>/dev/null | grep -n _pass",
        why_none="Mount the file where nginx reads it; the finding names the places.",
        fault="nginx_config_not_mounted_404",
        references=(
            "https://github.com/nginx/docker-nginx/issues/558",
            "https://github.com/vfarcic/continuous-deployment/issues/2",
        ),
    ),
    Kind(
        "protocol.nginx_host_mismatch_default_server_404",
        "nginx has no server for the host that is asked for",
        "nginx chooses the server block by the Host header. The one that has the routes goes by another name, so that "
        "the default server answers.",
        confirm="curl -si -H 'Host: <name>' <url>",
        why_none="Ask for the right host, or give nginx the name: server_name, default_server.",
        fault="nginx_host_mismatch_default_server_404",
        references=(
            "https://github.com/mhzawadi/invoiceplane/issues/1",
            "https://github.com/nginx-proxy/nginx-proxy/issues/716",
        ),
    ),
    Kind(
        "protocol.nginx_proxy_pass_trailing_slash_404",
        "nginx replaces a part of the path",
        "A proxy_pass with a path, be it only a slash, replaces what the location matched. The provider is asked for a "
        "path that it does not have, and writes the 404.",
        confirm="nsenter -t <pid of nginx> -n curl -si http://<provider's address>:<port><path>",
        why_none="Take what follows the port out of proxy_pass.",
        fault="nginx_proxy_pass_trailing_slash_404",
        references=(
            "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
            "https://github.com/openfaas/faas/issues/421",
        ),
    ),
    Kind(
        "protocol.http_proxy_without_no_proxy",
        "Calls between services go to a proxy",
        "HTTP_PROXY in the environment sends every request to the proxy for the outer world, and NO_PROXY does not name "
        "the services. The proxy cannot know them. Networks in NO_PROXY do not help: they match no name.",
        confirm="docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' <container> | grep -i _proxy",
        remediations=("restore_resolver",),
        fault="http_proxy_without_no_proxy",
        references=(
            "https://github.com/device-management-toolkit/deployment/pull/610",
            "https://github.com/langgenius/dify/issues/5686",
        ),
    ),
    Kind(
        "protocol.docker_cli_config_proxies_injected",
        "The Docker client put proxy variables into the container",
        "The 'proxies' of ~/.docker/config.json become HTTP_PROXY in every container that this user creates. No Compose "
        "file shows them, and calls between services go to the proxy.",
        confirm="docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' <container> | grep -i _proxy",
        why_none="They come from whoever's client creates the container: give that client noProxy, or the service NO_PROXY, and "
        "recreate it. An undo could not bring them back.",
        fault="docker_cli_config_proxies_injected",
        references=(
            "https://github.com/docker/compose/issues/11433",
            "https://github.com/baserow/baserow/issues/1616",
        ),
    ),
    Kind(
        "protocol.published_port_is_another_app_404",
        "The published port belongs to somebody else's container",
        "The service that should publish the port does not run, and another container took the port: it answers, with its "
        "own 404 for the most part.",
        confirm="docker ps --filter publish=<port>",
        why_none="Which of the two may have the port only the operator knows.",
        fault="published_port_is_another_app_404",
        references=("https://github.com/moby/moby/issues/25877",),
    ),
    Kind(
        "protocol.underscore_host_rejected",
        "A server rejects its own name for its underscore",
        "DNS and TCP work; the server answers 400 because the Host header is no valid host name. Django, Tomcat and others "
        "do so, nginx and Apache do not.",
        confirm="docker exec <consumer> curl -s -o /dev/null -w '%{http_code}' -H 'Host: <name-with-hyphens>' <url>",
        remediations=("correct_upstreams",),
        fault="underscore_host_rejected",
        references=(
            "https://github.com/docker/compose/issues/229",
            "https://github.com/Flagsmith/flagsmith/issues/63",
            "https://github.com/django/django/pull/594",
        ),
    ),
    Kind(
        "protocol.check_failed",
        "A check fails although everything below it works",
        "Names, addresses and ports are fine, and no rule knows why the answer is wrong.",
        confirm="curl -sv -X <method> <url>",
        why_none="See who wrote the answer (status, Server header and body are shown as evidence) and read that log.",
    ),
)
