import pytest
from charms.layer.kubernetes_common import versions


@pytest.mark.parametrize(
    'text, version',
    [
        ('Kubernetes v1.12.10', (1, 12, 10)),
        ('v1.9.0-alpha.2', (1, 9, 0)),
        ('1.24', (1, 24)),
        ('Kubernetes v0.0.0-master+faecb196815e2', (0, 0, 0)),
        ('Client Version: version.Info{Major:"1", Minor:"20", GitVersion:"v1.20.2"}', (1, 20, 2)),
    ],
)
def test_a_version_is_the_first_dotted_number(text, version):
    assert versions.parse(text) == version


@pytest.mark.parametrize('text', ['', 'unknown', 'v1'])
def test_text_without_a_version_is_refused(text):
    with pytest.raises(ValueError, match='no version'):
        versions.parse(text)


@pytest.mark.parametrize(
    'version, known',
    [((1, 9, 9), False), ((1, 10, 0), True), ((1, 24, 17), True), ((1, 25, 0), False)],
)
def test_fm_45_versions_compare_by_number_and_a_span_ends_with_its_last_minor(version, known):
    assert (version in versions.Span((1, 10), (1, 24))) is known


def test_a_span_without_limits_holds_every_version():
    assert (0, 0, 0) in versions.ALWAYS and (1, 36, 1) in versions.ALWAYS
