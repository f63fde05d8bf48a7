"""
Which host a login would go to now, and why; nothing changes by asking.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from attrs import evolve

from bastion.gateway.clusterservice import ClusterService
from bastion.gateway.control import CandidateStatus, Explanation, PassedOver, Sticky
from bastion.hosts.host import Host
from bastion.hosts.named import NoSuchHost, hostNamed
from bastion.hosts.states import State, rank
from bastion.interfaces import HostAddress, HostRequest
from bastion.state import Choice
from bastion.wire import shown


async def explained(
    service: ClusterService, request: HostRequest, name: bytes | None
) -> Explanation:
    """
    What the selector would do with C{request}.

    @param name: what the user calls the host to go to; L{None} for any.
    """
    selector = service.selector
    try:
        wanted = None if name is None else hostNamed(name, selector.addresses)
    except NoSuchHost as problem:
        return _answer(service, request, None, str(problem), None, [], [])
    request = evolve(request, wanted=wanted)
    counts = await selector.store.counts(selector.name)
    homes = await selector.store.stickyHosts(selector.stickiness.key(selector.name, request))
    # Asked, a strategy may take turns; a copy of it takes none from anybody.
    asked = evolve(selector, strategy=copy.deepcopy(selector.strategy))
    choices = asked.choices(request, counts)
    room = [choice.host for choice in choices if not _isFull(choice, counts)]
    stuck = next((home for home in homes if home in room), next(iter(homes), None))
    chosen, why = _chosen(room, stuck, request)
    if chosen is None and choices:
        why = "no host has room"
    return _answer(
        service,
        request,
        chosen,
        why,
        None if stuck is None else {"host": str(stuck), "why": _sticks(service, stuck, choices)},
        [_candidate(service, n, choice, counts) for n, choice in enumerate(choices, 1)],
        _passedOver(service, choices, request),
    )


def _chosen(
    room: Sequence[HostAddress], stuck: HostAddress | None, request: HostRequest
) -> tuple[HostAddress | None, str]:
    if not room:
        return None, "no host takes logins"
    if request.wanted is not None:
        return room[0], "the user has named it"
    if stuck in room:
        return stuck, "the account comes back to it"
    return room[0], "the strategy puts it first"


def _isFull(choice: Choice, counts: Mapping[HostAddress, int]) -> bool:
    return bool(choice.limit) and counts.get(choice.host, 0) >= choice.limit


def _sticks(service: ClusterService, stuck: HostAddress, choices: Sequence[Choice]) -> str:
    if stuck not in service.cluster:
        return "it is no host of the cluster any more"
    if any(choice.host == stuck for choice in choices):
        return "the account was there last"
    return f"the account was there last, and cannot go there: {_whyNot(service.cluster[stuck])}"


def _candidate(
    service: ClusterService, number: int, choice: Choice, counts: Mapping[HostAddress, int]
) -> CandidateStatus:
    host = service.cluster[choice.host]
    seen = service.selector.candidate(host, counts)
    why = f"full: its limit is {choice.limit} sessions" if _isFull(choice, counts) else "has room"
    if host.state is not State.UP:
        why = f"{host.state.value}: {host.reason}; {why}"
    return {
        "host": str(choice.host),
        "rank": number,
        "state": host.state.value,
        "sessions": seen.sessions,
        "weight": seen.weight,
        "bandwidth": seen.bandwidth,
        "latency_ms": milliseconds(seen.latency),
        "why": why,
    }


def _passedOver(
    service: ClusterService, choices: Sequence[Choice], request: HostRequest
) -> list[PassedOver]:
    taken = {choice.host for choice in choices}
    return [
        {"host": str(address), "state": host.state.value, "why": _whyNot(host, request)}
        for address, host in service.cluster.items()
        if address not in taken
    ]


def _whyNot(host: Host, request: HostRequest | None = None) -> str:
    if rank(host.state) is None:
        return f"{host.state.value}: {host.reason}"
    if request is not None and request.wanted is not None:
        return "the user has named another one"
    if host.state is State.DOWN:
        return f"down: {host.reason}"
    return "the strategy leaves it out"


def _answer(
    service: ClusterService,
    request: HostRequest,
    chosen: HostAddress | None,
    why: str,
    sticky: Sticky | None,
    candidates: list[CandidateStatus],
    passedOver: list[PassedOver],
) -> Explanation:
    return {
        "cluster": service.table.name,
        "account": shown(request.account),
        "gateway": request.gateway,
        "source": request.source or None,
        "chosen": None if chosen is None else str(chosen),
        "why": why,
        "sticky": sticky,
        "candidates": candidates,
        "passed_over": passedOver,
    }


def milliseconds(seconds: float | None) -> float | None:
    """
    A time as the answers have it.
    """
    return None if seconds is None else round(seconds * 1000, 1)
