"""What the command says of words that cannot be meant: one line for each fault, with what is expected."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest
import spoke
from spoke import _cli, _gate, _log, _process, _server
from spoke._options import ProcessOptions

STANDIN = ('--kubeconfig=KUBECONFIG', '--ca-cert=GARBAGE', '--ca-key=GARBAGE')
KUBECONFIG = """\
{current-context: c, clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}], users: [],
 contexts: [{name: c, context: {cluster: k}}]}
"""


@pytest.mark.parametrize(
    ('words', 'code', 'fault'),
    [
        (['status', '--timeout=1x'], 2, "Error: argument --timeout: '1x' is no duration: write it as 30s, 1m30s or 1h"),
        (['status', '--spoke-cluster-name=Bad_'], 2, "Error: --spoke-cluster-name: 'Bad_' has the wrong format"),
        (['status', '--fleet=/none'], 2, 'Error: cannot read the fleet in /none'),
        (['agent', '--fleet=/none'], 1, 'Error: cannot read the fleet in /none'),
        (['agent', '--fleet=/none', '--agent-id=a'], 1, 'Error: --agent-id: with --fleet it stands in the file'),
        (['agent', '--fleet=/none', '--feature-gates=AllBeta=true'], 1, 'Error: --feature-gates: with --fleet it st'),
        (['status', '--fleet=/none', '--hub-kubeconfig-dir', 'd'], 2, 'Error: --hub-kubeconfig-dir: with --fleet it'),
        (['agent', '--bootstrap-kubeconfig=b', '--listen=:99999'], 1, "Error: --listen: ':99999' is no HOST:PORT"),
        (['hub-standin', 'run', *STANDIN, '--front=:99999'], 2, "Error: --front: ':99999' is no HOST:PORT"),
        (['hub-standin', 'run', *STANDIN, '--certificate-life=0s'], 2, 'Error: --certificate-life must be greater'),
        (['hub-standin', 'run', *STANDIN, '--certificate-life=x'], 2, "Error: argument --certificate-life: 'x' is no"),
        (['hub-standin', 'run', *STANDIN], 1, 'Error: GARBAGE and GARBAGE are no authority in PEM: '),
        (['hub-standin', 'accept', 'a', '--kubeconfig=GARBAGE'], 1, 'Error: the kubeconfig GARBAGE is no mapping'),
        (['hub-standin', '--kubeconfig=GARBAGE'], 2, 'Error: the following arguments are required: verb\n'),
        (['hub-standin', 'accept', '--kubeconfig=GARBAGE', 'a'], 1, 'Error: the kubeconfig GARBAGE is no mapping'),
        (['hub-standin', '--kubeconfig=GARBAGE', 'fault', 'slow=x'], 2, "Error: fault slow: 'x' is no"),
        (['nonsense'], 2, "spoke: there is no verb 'nonsense'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_named_with_what_is_expected(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    fault: str,
) -> None:
    monkeypatch.setattr(_log, 'to_stderr', lambda _: None)  # this process has a log of its own
    for name, content in (('GARBAGE', 'garbage'), ('KUBECONFIG', KUBECONFIG)):
        (tmp_path / name).write_text(content)
        words = [word.replace(name, str(tmp_path / name)) for word in words]
        fault = fault.replace(name, str(tmp_path / name))
    assert _cli.main(words) == code
    told = capsys.readouterr()
    assert told.err.startswith(fault)
    assert told.out == ''


def test_all_that_is_wrong_with_a_fleet_is_told_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'fleet.yaml').write_text('{clusters: {a: {bootstrap-kubeconfig: b}}, parts: {}}')
    words = [f'--fleet={tmp_path}/fleet.yaml', '--agent-id=a', '--cluster-healthcheck-period', '5m', '--listen=x']
    assert _cli.main(['agent', *words]) == 1
    assert capsys.readouterr().err.splitlines() == [
        'Error: --agent-id: with --fleet it stands in the file, under `defaults` or `clusters`',
        'Error: --cluster-healthcheck-period: with --fleet it stands in the file, under `defaults` or `clusters`',
        "Error: --listen: 'x' is no HOST:PORT",
        "Error: fleet.yaml: there is no part 'parts'",
    ]


def test_the_status_takes_the_words_of_the_agent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = [
        f'--bootstrap-kubeconfig={tmp_path}/none', '--spoke-cluster-name=a', f'--hub-kubeconfig-dir={tmp_path}/a',
        f'--kubeconfig={tmp_path}/lost', '--namespace=agents', '--listen=:0', '--feature-gates=AllBeta=true', '-v=2',
    ]  # fmt: skip
    assert _cli.main(['status', *agent]) == 1
    told = capsys.readouterr()
    assert 'waits-for: another kubeconfig, without which no agent starts: ' in told.out
    assert f'{tmp_path}/lost' in told.out
    assert told.err == ''


def test_the_version_is_told_of_the_command_and_of_the_agent(capsys: pytest.CaptureFixture[str]) -> None:
    assert _cli.main(['--version']) == 0
    told = capsys.readouterr().out
    assert told.startswith('spoke ')
    assert _cli.main(['agent', '--version']) == 0
    assert capsys.readouterr().out == told


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ('cluster', 'config', 'fault'),
    [
        ("{server: 'https://h', certificate-authority: /none}", '{}', 'cannot read the authorities in /none'),
        ('{server: 5}', '{}', "server '5' is no URL"),
        ('[5]', '{}', 'clusters holds something that is no mapping with a cluster'),
        ("{server: 'https://h'}", 'servingInfo: {bindAddress: here}', "bindAddress in CONFIG: 'here' is no HOST:PORT"),
        ("{server: 'https://h'}", 'servingInfo: [here]', 'servingInfo in CONFIG is no mapping'),
    ],
)
async def test_a_process_says_what_it_cannot_start_with_and_ends_with_255(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cluster: str, config: str, fault: str
) -> None:
    text = KUBECONFIG.replace("{server: 'https://127.0.0.1:1'}", cluster)
    (tmp_path / 'kubeconfig').write_text(text)
    (tmp_path / 'config').write_text(config)
    options = ProcessOptions(
        kubeconfig=str(tmp_path / 'kubeconfig'), config=str(tmp_path / 'config'), disable_leader_election=True
    )
    work = _process.OneAgent(spoke.SpokeAgentConfig(spoke.AgentOptions(), spoke.SpokeAgentOptions()))
    assert await _process.Process(options, work).run() == 255
    assert fault.replace('CONFIG', options.config) in caplog.text


@pytest.mark.asyncio
async def test_a_serving_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    pair = tmp_path / 'tls.crt', tmp_path / 'tls.key'
    for each in pair:
        each.write_text('garbage')
    server = _server.Server('127.0.0.1:0', {}, str, _gate.Gate(cast('Any', None), is_open=True), pair)
    with pytest.raises(OSError, match=f'the serving certificate in {pair[0]} cannot be used: '):
        await server.__aenter__()


@pytest.mark.asyncio
async def test_a_first_signal_asks_and_a_second_one_ends_at_once_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, '_exit', codes.append)
    with _process.Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        await signals.asked.wait()
        assert codes == []
        os.kill(os.getpid(), signal.SIGINT)
        while not codes:
            await asyncio.sleep(0)
    assert codes == [1]
