import pytest
from charms.layer.kubernetes_common import options, snap_options
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    'text',
    ['1.12/stable', '1.9', '1.36/edge', 'stable', 'latest/candidate', '1.12/stable/hotfix-1', 'edge/fix', 'v1.20/beta'],
)
def test_a_channel_is_taken_as_it_is(text):
    assert snap_options.channel({'channel': f' {text} '}) == text


@pytest.mark.parametrize(
    'text, reason',
    [
        ('', 'expected a track and a risk'),
        ('1.12/unstable', "expected a track and a risk .* got '1.12/unstable'"),
        ('1.12 /stable', 'expected a track and a risk'),
        ('1.12/', 'expected a track and a risk'),
        ('--classic', 'expected a track and a risk'),
        ('1.12/stable/a/b', 'expected a track and a risk'),
        ('1.8/stable', 'supported are Kubernetes 1.9 to 1.36'),
        ('1.37', 'supported are Kubernetes 1.9 to 1.36'),
    ],
)
def test_what_is_no_channel_is_refused_by_name_and_reason(text, reason):
    with pytest.raises(options.Invalid, match=f'^channel: {reason}'):
        snap_options.channel({'channel': text})


@pytest.mark.parametrize(
    'text',
    ['', 'max', 'tue', 'fri5,23:00', '4:00-7:00,19:00-22:10', 'mon-wed,sat2,9:00~11:00/2', 'mon1,,fri3,0:00-24:00/4'],
)
def test_fm_56_a_schedule_of_snapd_is_taken(text):
    assert snap_options.refresh_timer({'snapd_refresh': text}) == text


@pytest.mark.parametrize('text', ['None', 'tuesday', 'fri6', '25:00', '24:01', '12:60', 'mon,', 'mon/0', 'mon/x', '12'])
def test_fm_56_what_is_no_schedule_is_refused_by_name(text):
    with pytest.raises(options.Invalid, match=r'^snapd_refresh: expected max, nothing, or a schedule'):
        snap_options.refresh_timer({'snapd_refresh': text})


@pytest.mark.parametrize('text', ['', 'http://squid:3128', 'https://proxy.example.com', 'http://[::1]:80/path'])
def test_a_url_of_a_server_is_taken(text):
    assert snap_options.url({'snap_proxy': text}, 'snap_proxy') == text


@pytest.mark.parametrize(
    'text',
    ['squid:3128', 'ftp://squid', 'http://', 'http://a b', 'http://squid:99999', 'http://[', 'http://me:secret@squid'],
)
def test_what_is_no_url_of_a_server_is_refused_without_repeating_it(text):
    with pytest.raises(options.Invalid, match=r'^snap_proxy: ') as caught:
        snap_options.url({'snap_proxy': text}, 'snap_proxy')
    assert 'secret' not in str(caught.value)


ASSERTIONS = """type: account-key
authority-id: canonical

AcLBUgQ

type: store
authority-id: canonical
store: aBcD1234
url: http://proxy.example

c2lnbmF0dXJl
"""


def test_the_store_is_found_in_a_proxys_assertions():
    assert snap_options.store_id(ASSERTIONS) == 'aBcD1234'
    with pytest.raises(ValueError, match='no assertion about a store'):
        snap_options.store_id('<html>')


def test_a_web_proxy_may_have_a_user_and_a_store_proxy_has_none():
    text = 'http://me:secret@squid:3128'
    assert snap_options.proxy({'snap_proxy': text}, 'snap_proxy') == text
    assert snap_options.has_user(text) and not snap_options.has_user('http://squid:3128')
    assert not snap_options.has_user('')


@pytest.mark.parametrize(
    'parser', [snap_options.proxy, snap_options.channel, snap_options.refresh_timer, snap_options.url]
)
@given(text=st.text() | st.from_regex(r'[a-z0-9:/,~.@\[\]-]*', fullmatch=True))
def test_any_text_is_taken_or_refused_by_name(parser, text):
    try:
        assert parser({'o': text}, 'o') == text.strip()
    except options.Invalid as error:
        assert str(error).startswith('o: ')
