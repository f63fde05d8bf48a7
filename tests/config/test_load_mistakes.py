"""
One deliberately bad file for each mistake, with the exact words for the operator.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bastion.config.load import load
from bastion.config.problems import ConfigurationError
from bastion.config.readers import Installed

GOOD = """
[gateway.esrf]
listen = "tcp:5022"
cluster = "nice"
[cluster.nice]
hosts = ["nice1.example.org"]
"""
STRATEGIES = "there are: bare, broken, least-sessions, ordered, round-robin, weighted"
CIPHERS = (
    "there are: aes128-ctr, aes128-gcm@openssh.com, aes192-ctr, aes256-ctr, "
    "aes256-gcm@openssh.com, chacha20-poly1305@openssh.com"
)

BAD_FILES = [
    (
        "",
        [
            "gateway: there is no gateway; write at least one: [gateway.NAME] with listen = "
            '"tcp:5022" and cluster = "NAME"'
        ],
    ),
    (
        "[gateway]",
        [
            "gateway: there is no gateway; write at least one: [gateway.NAME] with listen = "
            '"tcp:5022" and cluster = "NAME"'
        ],
    ),
    (
        "gateway = 5",
        ["gateway: found the whole number 5; write tables with a name: [gateway.NAME]"],
    ),
    (
        '[[gateway]]\nlisten = "tcp:5022"',
        ["gateway: found a list; write tables with a name: [gateway.NAME]"],
    ),
    (
        '[gateway]\nlisten = "tcp:5022"',
        ["gateway.listen: this key belongs in [gateway.NAME], not here"],
    ),
    (
        "[gateway]\nesrf = 5",
        ["gateway.esrf: found the whole number 5; write a table: [gateway.esrf]"],
    ),
    ("[gatway.a]", ['gatway: unknown key; did you mean "gateway"?']),
    (
        GOOD + "[colour]",
        [
            "colour: unknown key; the keys here are: bastion, gateway, cluster, admission, "
            "account, policy"
        ],
    ),
    (
        "max_auth_tries = 5" + GOOD,
        ["max_auth_tries: this key belongs in [admission] or [gateway.NAME.admission], not here"],
    ),
    (
        "rekey_time = '1h'" + GOOD,
        ["rekey_time: this key belongs in [gateway.NAME] or [cluster.NAME], not here"],
    ),
    (
        GOOD + "algorithms = { ciphers = ['3des-cbc'], macs = [] }\nkeepalive = '1d'",
        [
            f'cluster.nice.algorithms.ciphers: no cipher named "3des-cbc"; {CIPHERS}',
            "cluster.nice.algorithms.macs: the list is empty; write at least one, e.g. "
            '["hmac-sha2-256-etm@openssh.com"]',
            'cluster.nice.keepalive: "1d" is out of range; write at least "1s" and at most '
            '"1h", or "0s" for not at all',
        ],
    ),
    (
        GOOD + "[bastion]\nstate-dir = 'x'",
        ['bastion.state-dir: unknown key; did you mean "state_dir"?'],
    ),
    (
        GOOD + "[cluster.unused]",
        ['cluster.unused.hosts: missing; write e.g. hosts = ["login.example.org"]'],
    ),
    (
        GOOD + '[gateway."a b"]\nlisten = "tcp:1"\nnotice = "x"',
        [
            'gateway."a b": "a b" cannot be the name of a gateway; write letters, digits, '
            '"-" and "_", and begin with a letter or a digit'
        ],
    ),
    (
        GOOD + '[cluster.-x]\nhosts = ["a"]',
        [
            'cluster.-x: "-x" cannot be the name of a cluster; write letters, digits, '
            '"-" and "_", and begin with a letter or a digit'
        ],
    ),
    (
        GOOD.replace('"nice"', '"nise"') + '[cluster.ill]\nhosts = ["a"]',
        ['gateway.esrf.cluster: no cluster named "nise"; there are: ill, nice'],
    ),
    (
        '[gateway.esrf]\nlisten = "tcp:5022"\ncluster = "nice"',
        ['gateway.esrf.cluster: no cluster named "nice"; write a table [cluster.nice]'],
    ),
    (
        GOOD.replace("[cluster.", "[clusters."),
        ['clusters: unknown key; did you mean "cluster"?'],
    ),
    (
        GOOD.replace('cluster = "nice"', ""),
        [
            'gateway.esrf: neither "cluster" nor "notice"; write cluster = "NAME" to lead to a '
            'cluster, or notice = "words" to tell the user something and close'
        ],
    ),
    (
        GOOD.replace('cluster = "nice"', 'cluster = "nice"\nnotice = "x"'),
        [
            'gateway.esrf: both "cluster" and "notice"; a gateway leads to a cluster, or gives '
            "a notice and closes: leave one out"
        ],
    ),
    (
        GOOD.replace('cluster = "nice"', 'clustr = "nice"'),
        ['gateway.esrf.clustr: unknown key; did you mean "cluster"?'],
    ),
    (
        GOOD.replace("listen", "colour"),
        [
            'gateway.esrf.listen: missing; write e.g. listen = "tcp:5022"',
            "gateway.esrf.colour: unknown key; the keys here are: "
            "listen, proxy_from, cluster, host_separator, notice, policies, algorithms, "
            "last_resort, bandwidth, admission, rekey_bytes, rekey_packets, rekey_time, keepalive, "
            "keepalive_tries",
        ],
    ),
    (
        GOOD + '[gateway.ill]\nlisten = ["tcp:5023", "tcp:5022"]\nnotice = "x"',
        [
            'gateway.ill.listen: "tcp:5022" belongs to the gateway "esrf" already; '
            "write another endpoint"
        ],
    ),
    (
        '[gateway.embl]\nlisten = "tcp:1"\nnotice = "x"\nhost_separator = "%"',
        [
            "gateway.embl.host_separator: there is no cluster, whose hosts a user could name; "
            "leave it out"
        ],
    ),
    (
        GOOD + "[gateway.ill]\nlisten = 'tcp:1'\ncluster = 'nice'\nhost_separator = '@'",
        [
            'gateway.ill.host_separator: "@" cannot be between an account and a host; write one '
            'character such as "%" or "+", or "" for none '
            '(no letter, digit, space, "-", ".", "_", "@" or ":")'
        ],
    ),
    (
        GOOD + "sticky = '0s'\nsticky_by = 'account'",
        [
            'cluster.nice.sticky_by: sticky is "0s", and no account comes back to its host; '
            "leave one of them out"
        ],
    ),
    (
        GOOD + "ready = 1\nproxy_protocol = 'v2'",
        [
            "cluster.nice.ready: with proxy_protocol each connection to a host is for one "
            "client, and none can be kept ready for another; leave one of them out"
        ],
    ),
    (
        GOOD + "proxy_protocol = 'v3'",
        ['cluster.nice.proxy_protocol: found the string "v3"; write "off", "v1" or "v2"'],
    ),
    (
        GOOD + "check_jitter = '11s'",
        [
            "cluster.nice.check_jitter: 11 s are more than the 10 s of check_interval; "
            "write at most as much"
        ],
    ),
    (
        GOOD + "check_interval = '2500ms'\ncheck_jitter = '3s'",
        [
            "cluster.nice.check_jitter: 3 s are more than the 2.5 s of check_interval; "
            "write at most as much"
        ],
    ),
    (
        GOOD + "check_interval = '1s'\ncheck_jitter = '1h'\noutlier = 1\nslow_start = '2h'",
        [
            'cluster.nice.check_interval: "1s" is out of range; write at least "2s" and at most '
            '"1h", or "0s" for not at all',
            'cluster.nice.check_jitter: "1h" is out of range; write at least "0s" and at most "5m"',
            "cluster.nice.outlier: 1 is out of range; write a whole number from 2 to 100, "
            "or 0 for not at all",
            'cluster.nice.slow_start: "2h" is out of range; write at least "1s" and at most '
            '"1h", or "0s" for not at all',
        ],
    ),
    (
        GOOD + "check_intervall = '20s'\ncheck_jitter = '15s'",
        ['cluster.nice.check_intervall: unknown key; did you mean "check_interval"?'],
    ),
    (
        GOOD + "check = 'ping'\n[bastion]\nstore = 'redis'",
        [
            'cluster.nice.check: no health check named "ping"; there are: handshake, tcp',
            'bastion.store: no store named "redis"; there are: memory, shared',
        ],
    ),
    (
        GOOD.replace('"nice1.example.org"', '{ host = "n[3-1]", weight = 0, colour = 1 }'),
        [
            'cluster.nice.hosts."n[3-1]".host: "n[3-1]": the range 3-1 is reversed; write 1-3',
            'cluster.nice.hosts."n[3-1]".weight: 0 is out of range; '
            "write a whole number from 1 to 1000",
            'cluster.nice.hosts."n[3-1]".colour: unknown key; the keys here are: '
            "host, weight, max_sessions",
        ],
    ),
    (GOOD + 'select = "least"', [f'cluster.nice.select: no strategy named "least"; {STRATEGIES}']),
    (
        GOOD + "[cluster.nice.select]\nname = 'weighted'\nweight = 0",
        ["cluster.nice.select.weight: 0 is too little; write at least 1"],
    ),
    (
        GOOD + "[cluster.nice.select]\nname = 'weighted'\n[cluster.nice.select.weight]\nnice1 = 2",
        [
            "cluster.nice.select.weight: an option cannot hold a table; "
            "write a value, or a list of values"
        ],
    ),
    (
        GOOD + "[gateway.esrf.admission.limits]\na = 1",
        [
            "gateway.esrf.admission.limits: unknown key; the keys here are: dns, dns_servers, "
            "dns_exempt, dns_suffixes, dns_timeout, dns_sentence, rules, allow_from, deny_from, "
            "max_startups, per_source_startups, max_connections, per_source_connections, "
            "max_sessions, per_source_sessions, per_account_sessions, "
            "per_account_source_sessions, max_channels, per_source_channels, "
            "per_account_channels, penalties, penalty_exempt, login_grace_time, max_auth_tries"
        ],
    ),
    (
        GOOD + '[gateway.ill]\nlisten = 5\nnotice = 5\npolicies = "x"',
        [
            "gateway.ill.listen: found the whole number 5; "
            'write a server endpoint such as "tcp:5022"',
            "gateway.ill.notice: found the whole number 5; write the words that the user shall see",
            'gateway.ill.policies: found the string "x"; write a list of names, or [] for none',
        ],
    ),
    (
        GOOD + "[policy.guests]\nexec = 'scp -t *'\n[policy.'a b']\n[policy.b]\ngateways = ['ill']",
        [
            'policy.guests.exec: found the string "scp -t *"; write true, false, or a list '
            'such as ["scp -t *"]',
            'policy."a b": "a b" cannot be the name of a policy; write letters, digits, "-" '
            'and "_", and begin with a letter or a digit',
            'policy.b.gateways: no gateway named "ill"; there are: esrf',
        ],
    ),
    (
        GOOD + "[policy]\nshell = false",
        ["policy.shell: this key belongs in [policy.NAME], not here"],
    ),
    (
        GOOD.replace("cluster = ", "bandwidth = '10'\ncluster = "),
        [
            'gateway.esrf.bandwidth: "10" is not a rate; write a whole number with its unit, '
            'KiB/s, MiB/s or GiB/s, e.g. "10MiB/s"'
        ],
    ),
    (
        GOOD + '[admission]\ndns = "required"\npenalties = "yes"',
        [
            'admission.dns: found the string "required"; write "require", "report" or "off"',
            'admission.penalties: found the string "yes"; write "on" or "off"',
        ],
    ),
    (
        GOOD + '[gateway.esrf.admission]\ndns_suffixes = ["a b"]',
        [
            'gateway.esrf.admission.dns_suffixes: "a b" is not a domain; '
            'write a domain such as "example.org"'
        ],
    ),
    (
        GOOD + '[admission.deny_from]\n"10.0.0.0/8" = 5',
        [
            'admission.deny_from."10.0.0.0/8": found the whole number 5; '
            "write the words that the user shall see"
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), BAD_FILES)
def test_badFileHasExactlyTheseProblems(
    text: str, expected: list[str], installed: Installed
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(text, Path("/etc/bastion"), installed)
    assert str(refused.value).split("\n") == expected
