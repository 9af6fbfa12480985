import stat

from charms.layer.kubernetes_common import api, files, kubeconfig


def test_a_client_reads_what_was_rendered(tmp_path):
    import os
    import pwd

    path = tmp_path / 'kubeconfig'
    text = kubeconfig.render('https://10.0.0.1:6443', 'PEM\n', 'kubelet', 'abc')
    files.write(path, text, owner=pwd.getpwuid(os.geteuid()).pw_name)
    client = api.Client.from_kubeconfig(path)
    assert (client.server, client.ca, client.token) == ('https://10.0.0.1:6443', 'PEM\n', 'abc')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_token_shows_in_no_representation():
    assert 'abc' not in repr(api.Client('https://10.0.0.1', token='abc'))
