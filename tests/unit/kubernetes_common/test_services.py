import pytest
from charms.layer.kubernetes_common import records, services


class Systemd:
    """Services that run or do not; `broken` ones refuse to start."""

    def __init__(self):
        self.restarts = []
        self.broken = set()

    def __call__(self, verb, *names):
        if verb == 'restart':
            self.restarts += names
            return not self.broken.intersection(names)
        return True


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    fake = Systemd()
    monkeypatch.setattr(records, 'ROOT', tmp_path)
    monkeypatch.setattr(services, '_systemctl', fake)
    return fake


def test_a_service_starts_once_for_the_same_inputs(systemd):
    assert services.converge('kubelet', {'args': 'a', 'file': 'b'}) is True
    assert services.converge('kubelet', {'file': 'b', 'args': 'a'}) is False
    assert systemd.restarts == ['kubelet']


def test_changed_inputs_restart_once(systemd):
    for inputs in ({'a': '1'}, {'a': '2'}, {'a': '2'}):
        services.converge('kubelet', inputs)
    assert systemd.restarts == ['kubelet'] * 2


def test_fm_23_a_hook_that_dies_after_the_restart_makes_the_next_one_restart_even_for_the_old_inputs(
    systemd, monkeypatch
):
    services.converge('kubelet', {'a': '1'})
    with monkeypatch.context() as patch:
        patch.setattr(records, 'put', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            services.converge('kubelet', {'a': '2'})
    assert services.converge('kubelet', {'a': '1'}) is True


def test_a_service_that_refuses_to_start_is_tried_again(systemd):
    systemd.broken.add('kubelet')
    assert services.converge('kubelet', {'a': '1'}) is False
    systemd.broken.clear()
    assert services.converge('kubelet', {'a': '1'}) is True


def test_no_secret_is_kept_on_disk(systemd, tmp_path):
    services.converge('kubelet', {'token': 's3cret'})
    assert all('s3cret' not in path.read_text() for path in tmp_path.iterdir())


def test_a_stopped_service_starts_again(systemd):
    services.converge('kubelet', {'a': '1'})
    services.stop('kubelet')
    assert not services.was_started('kubelet')
    assert services.converge('kubelet', {'a': '1'}) is True
