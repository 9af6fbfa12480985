import pytest
from charms.layer.kubernetes_worker import gpu

BRIDGE = '00:00.0 0600: 8086:1237 (rev 02)\n'


@pytest.mark.parametrize(
    'lines, found',
    [
        ('', False),
        ('00:1e.0 0302: 10de:102d (rev a1)\n', True),
        ('0000:01:00.0 0300: 10de:1b80 (rev a1)\n', True),
        ('00:1e.0 0300: 1002:6860\n00:1f.0 0300: 8086:1912\n', False),
        ('01:00.1 0403: 10de:10f0 (rev a1)\n', False),  # sound
        ('00:08.0 0680: 10de:0369\n', False),  # a bridge
        ('00:1e.0 0300: 1002:6860\n01:00.0 0302: 10de:102d\n', True),
    ],
)
def test_only_display_controllers_of_nvidia_count(lines, found):
    assert gpu.has_nvidia(BRIDGE + lines) is found


def test_a_driver_answers_when_it_lists_a_card():
    assert gpu.answers('GPU 0: Tesla K80 (UUID: GPU-0)\n')
    assert not gpu.answers("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver: no GPU.\n")
