import pytest
from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_worker import images
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize('registry', ['r:5000/cdk', 'r:5000/cdk/'])
@pytest.mark.parametrize(
    'image, path',
    [
        ('registry.k8s.io/defaultbackend-amd64:1.5', 'defaultbackend-amd64:1.5'),
        ('cdkbot/registry-amd64:2.6', 'cdkbot/registry-amd64:2.6'),
        ('busybox', 'busybox'),
        ('localhost:5000/x:1', 'x:1'),
    ],
)
def test_fm_54_another_registry_takes_the_place_of_the_host_with_one_slash(registry, image, path):
    assert images.located(image, registry) == f'r:5000/cdk/{path}'
    assert images.located(image, '') == image


def test_fm_54_the_pause_image_follows_the_registry_and_is_named_as_images_are():
    assert images.pause('ppc64el', 'r/') == 'r/pause-ppc64le:3.1'
    assert images.pause('amd64', '') == ''


@pytest.mark.parametrize('value', ['auto', '', 'x', 'my.registry:5000/a/b:1', f'a/b@sha256:{"0" * 64}'])
def test_an_image_may_be_named_in_every_usual_way(value):
    assert images.option({'nginx-image': value}, 'nginx-image') == ('' if value in ('auto', '') else value)


@pytest.mark.parametrize('value', ['-x', 'a b', 'a:b:c', 'https://a/b', 'a\nb', '$(x)', 'a/'])
def test_what_names_no_image_is_refused(value):
    with pytest.raises(options.Invalid, match=r'^nginx-image: '):
        images.option({'nginx-image': value}, 'nginx-image')


@given(st.text())
def test_any_text_is_an_image_or_is_refused(value):
    try:
        found = images.option({'nginx-image': value}, 'nginx-image')
    except options.Invalid as error:
        assert error.option == 'nginx-image'
    else:
        assert found.split() in ([], [found])
