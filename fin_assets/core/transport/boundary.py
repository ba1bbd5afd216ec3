"""Which hosts a site may send its visitors to. A redirect to another host, or into this machine's networks, is refused."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from fin_assets.core.contract.failures import ForeignHost
from fin_assets.core.contract.site import Site

Address = IPv4Address | IPv6Address

MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEPS_METHOD = frozenset({307, 308})
"""Statuses after which a form is sent again to the new address; after the others the address is asked without it."""

THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})

_OF_PROXIES = ip_network("198.18.0.0/15")
"""Proxies on a user's own machine answer names with addresses of this range, which no network uses."""

_NAT64 = ip_network("64:ff9b::/96")


class Boundary:
    """The hosts of a site.

    Args:
        hosts: names, without ports; None allows all.
        private: whether addresses of this machine and its networks may be asked.
    """

    def __init__(self, hosts: Iterable[str] | None = None, *, private: bool = True) -> None:
        self._hosts = None if hosts is None else frozenset(name for host in hosts for name in _names(host))
        self._private = private

    @classmethod
    def of(cls, site: Site) -> Boundary:
        """Return the boundary of a site: its own host and those that it declares; a live one stays out of local networks."""
        own = urlsplit(site.base_url).hostname or ""
        return cls([own, *site.hosts], private=site.mode != "live" or _is_local(own))

    def require_host(self, url: str, *, via: Sequence[str] = ()) -> None:
        """Return if an address is on one of the hosts.

        Args:
            url: absolute.
            via: the addresses that led to it, the asked one first.

        Raises:
            ForeignHost: it is not, or it is no address of the web.
        """
        try:
            parts = urlsplit(url)
            host, scheme = (parts.hostname or "").lower(), parts.scheme
        except ValueError:
            host, scheme = "", ""
        if scheme not in {"http", "https"} or (self._hosts is not None and host not in self._hosts):
            raise _foreign(url, via, f"{host or scheme or 'this'} is none of the site's hosts")
        if not self._private and _is_local(host):
            raise _foreign(url, via, f"{host} is an address of a local network")

    def require_peer(self, address: str | None, url: str, *, via: Sequence[str] = ()) -> None:
        """Return if the machine that answered, or would, may be asked. Raises as `require_host`."""
        if address and not self._private and _is_local(address):
            raise _foreign(url, via, f"{urlsplit(url).hostname} leads to {address}, an address of a local network")

    async def require(self, url: str, *, via: Sequence[str] = ()) -> None:
        """Return if an address may be asked: its host, and each address that its name has now. Raises as `require_host`."""
        self.require_host(url, via=via)
        if self._private:
            return
        parts = urlsplit(url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, ValueError):
            # The transport meets the same error, and has the words for it.
            return
        for *_, where in found:
            self.require_peer(str(where[0]), url, via=via)


def _foreign(url: str, via: Sequence[str], why: str) -> ForeignHost:
    path = " -> ".join([*via, url])
    led = f"{via[0]} led to {url}" if via else url
    return ForeignHost(f"{led}, which was not asked: {why}", body=f"{path}\n{why}\n".encode() if via else None)


def _names(host: str) -> set[str]:
    """Return the names of a host: sites send visitors from a name with www to the one without, and back."""
    name = host.lower().rstrip(".")
    if name in THIS_MACHINE:
        return set(THIS_MACHINE)
    return {name, name.removeprefix("www."), f"www.{name.removeprefix('www.')}"}


def _is_local(host: str) -> bool:
    if host.lower().rstrip(".") in THIS_MACHINE or host.lower().rstrip(".").endswith(".localhost"):
        return True
    try:
        found: Address = ip_address(host.partition("%")[0])
    except ValueError:
        return _is_old_spelling(host)
    if isinstance(found, IPv6Address):
        if found in _NAT64:
            found = IPv4Address(int(found) & 0xFFFFFFFF)
        else:
            found = found.ipv4_mapped or found.sixtofour or found
    return found not in _OF_PROXIES and (not found.is_global or found.is_multicast)


def _is_old_spelling(host: str) -> bool:
    """Return whether a host is an address in a form that only resolvers know, as 2130706433 or 127.1, and is local."""
    try:
        return _is_local(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return False
