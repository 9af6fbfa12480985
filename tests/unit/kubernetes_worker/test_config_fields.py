import pytest
import yaml
from charms.layer.kubernetes_worker import config_fields, version_table
from hypothesis import given
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _fields, _kubelet_settings


def reasons(text, version=(1, 20, 15)):
    return [fault.reason for fault in config_fields.faults(yaml.safe_load(text), version)]


@pytest.mark.parametrize(
    'text',
    [
        '{}',
        '{maxPods: 5, evictionHard: {memory.available: 200Mi}, authentication: {webhook: {cacheTTL: 2m}}}',
        '{kind: KubeletConfiguration, apiVersion: kubelet.config.k8s.io/v1beta1}',
        '{clusterDNS: [10.0.0.1], featureGates: {TTLAfterFinished: true}, maxPods: null}',
        '{staticPodURLHeader: {X-Token: [a, b]}, logging: {format: json}}',
        '{configMapAndSecretChangeDetectionStrategy: Watch}',
    ],
)
def test_what_the_kubelet_takes_has_no_fault(text):
    assert reasons(text) == []


@pytest.mark.parametrize(
    'text, reason',
    [
        ('{max-pods: 5}', "unknown key 'max-pods': it belongs at maxPods"),
        ('{maxPod: 5}', "unknown key 'maxPod'; is maxPods meant?"),
        ('{anonymous: {enabled: false}}', "unknown key 'anonymous': it belongs at authentication.anonymous"),
        (
            '{enabled: true}',
            "unknown key 'enabled': it belongs at authentication.anonymous.enabled or authentication.webhook.enabled",
        ),
        (
            '{authentication: {clientCAFile: /ca}}',
            "unknown key 'authentication.clientCAFile': it belongs at authentication.x509.clientCAFile",
        ),
        ('{authentication.anonymous: {enabled: true}}', "unknown key 'authentication.anonymous'"),
        ('{maxPods: many}', "maxPods expects a whole number, got 'many'"),
        ('{maxPods: true}', 'maxPods expects a whole number, got True'),
        ('{maxPods: 3000000000}', 'maxPods expects a whole number, got 3000000000'),
        ('{clusterDNS: 10.0.0.1}', "clusterDNS expects a list (text each), got '10.0.0.1'"),
        ('{evictionHard: {memory.available: 200}}', 'evictionHard expects a mapping (text each)'),
        ('{authentication: [x]}', "authentication expects a mapping, got ['x']"),
        ('{syncFrequency: 60}', 'syncFrequency expects a duration such as 90s or 1h30m, got 60'),
        ('{failSwapOn: "no"}', "failSwapOn expects true or false, got 'no'"),
        ('{resolvConf: 2018-01-01}', 'resolvConf expects text, got datetime.date(2018, 1, 1)'),
        ('{kind: Pod}', 'kind must be KubeletConfiguration'),
        ('{seccompDefault: true}', 'seccompDefault came with 1.22, kubelet is 1.20.15'),
        ('{featureGates: {DynamicKubeletConfig: maybe}}', 'featureGates expects a mapping (true or false each)'),
    ],
)
def test_a_key_the_kubelet_does_not_take_is_told_with_its_place(text, reason):
    (found,) = reasons(text)
    assert found.startswith(reason)


def test_fm_45_a_gate_that_stops_the_kubelet_is_named_with_its_version():
    assert reasons('{featureGates: {DevicePlugins: true}}', (1, 28, 0)) == [
        'featureGates.DevicePlugins: the gate went with 1.28'
    ]
    assert reasons('{featureGates: {DevicePlugins: true}}', (1, 27, 0)) == []


def test_faults_in_a_list_of_objects_take_the_list():
    text = '{reservedMemory: [{numaNode: 0, limit: {memory: 1Gi}}], maxPods: 5}'
    found = config_fields.faults(yaml.safe_load(text), (1, 24, 0))
    assert [fault.reason for fault in found] == [
        "unknown key 'reservedMemory[].limit'; is reservedMemory[].limits meant?"
    ]
    assert config_fields.without(yaml.safe_load(text), found) == {'maxPods': 5}


def test_a_kubelet_that_reads_no_file_takes_nothing():
    assert reasons('{maxPods: 5}', (1, 9, 11)) == ['needs Kubernetes 1.10 or later, kubelet is 1.9.11']
    assert reasons('{}', (1, 9, 11)) == []


KEYS = st.sampled_from(sorted({part for path in version_table.fields() for part in path.split('.')})) | st.text(
    max_size=5
)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats()
TREES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3))
CONFIGS = st.dictionaries(KEYS, TREES, max_size=4)


@given(CONFIGS, st.integers(9, 36))
def test_what_is_left_without_the_faults_has_none_and_a_kubelet_takes_it(config, minor):
    left = config_fields.without(config, config_fields.faults(config, (1, minor)))
    assert config_fields.faults(left, (1, minor)) == []
    if minor >= 10:
        assert 'cannot unmarshal' not in _kubelet_settings.wrong({**config_fields.HEAD, **left}, (1, minor))


def test_the_tables_of_the_charm_and_of_the_stand_ins_agree():
    for minor in range(10, 37):
        mine = {path: field.kind for path, field in version_table.fields().items() if (1, minor) in field.span}
        theirs = {
            path: kind.lstrip('*') for path, kind in _fields.fields('kubelet-configuration.tsv', (1, minor)).items()
        }
        assert mine == theirs
